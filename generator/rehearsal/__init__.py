"""The rehearsal: a release deployed to every environment on an emulator of AWS, and what was deployed inspected."""
