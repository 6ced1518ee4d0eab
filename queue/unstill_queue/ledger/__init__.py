"""The one record of every job."""
