"""Judges what may be taken, shown and animated: by ratings, a host's list of words, and people's own refusals."""
