"""Everything remote: which addresses may be asked, how a request is made, limited and tried again, and files that are read in parts."""
