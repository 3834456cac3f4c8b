"""What several filters share: text cleaning, UTF-8 and hashing kernels, fastText model files."""
