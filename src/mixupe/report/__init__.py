"""results/report.html: all tables that have records, as one page that needs no server, network or other file."""
