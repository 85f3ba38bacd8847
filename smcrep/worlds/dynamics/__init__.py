"""Dynamics: actions, bodies, contact, simulation."""
