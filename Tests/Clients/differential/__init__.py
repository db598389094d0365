"""Random requests of the Bigtable data API, and a model that says what their answers must be."""
