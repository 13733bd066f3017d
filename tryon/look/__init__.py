"""Looks: encoded, storable makeup, and the ways to make one."""
