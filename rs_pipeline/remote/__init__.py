"""Access to the network: which hosts may be asked, how requests are made, limited and tried again, and files that are read in parts."""
