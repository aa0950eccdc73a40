"""Spark and Delta: the imperative shell. Nothing outside this package imports pyspark."""
