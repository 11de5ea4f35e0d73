"""Decides the categories and places of pages by rules in data files."""
