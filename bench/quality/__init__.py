"""Measurements of the filters against public gold sets, on splits that nothing was trained on."""
