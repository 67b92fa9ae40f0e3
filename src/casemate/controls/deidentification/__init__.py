"""De-identification: one plan, carried out in memory, out of core, or on Ray, with the same outcome."""
