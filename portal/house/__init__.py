"""Skydeck on one machine: the data folder, who holds it, and the processes that make a house."""
