"""After the run: found, compared, explained, used."""
