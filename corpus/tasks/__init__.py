"""Resumable tasks: receipts, stored arrays, runners, progress."""
