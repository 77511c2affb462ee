"""Every change of the records' schema, run when the records are opened."""
