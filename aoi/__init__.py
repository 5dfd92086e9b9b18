"""What to watch: facilities, their areas of interest and the catalogue that holds them."""
