"""Files that people hand in, vector files and tables: one loader each, that reads what is plain and refuses the rest by file, row and remedy."""
