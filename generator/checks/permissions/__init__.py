"""The permission proof: what each role and user of the platform may do, decided by evaluating the released policies."""
