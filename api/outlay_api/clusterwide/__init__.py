"""A cluster seen as a whole: what waits between its topics and its store, and whether everything adds up."""
