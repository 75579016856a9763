"""Readers of tables that programs for research write."""
