"""What is taken, shown and animated: the rating of pictures, a host's list of words, and the say of who is shown."""
