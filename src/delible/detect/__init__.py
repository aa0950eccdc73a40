"""Presidio, without Spark: what stands in a text, in a value, in a column's name.

Presidio's e-mail recognizer asks `tldextract` for public suffixes, which goes to the network on its first use, hangs
where there is none, and makes findings depend on the day of the run. The empty list of addresses must be set before
tldextract is imported by anybody; then the snapshot that the package carries is used.
"""

import os

os.environ["TLDEXTRACT_PUBLIC_SUFFIX_LIST_URLS"] = ""
