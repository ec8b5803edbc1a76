"""What the platform costs: prices as data, quantities out of the resolved release, and what could be saved."""
