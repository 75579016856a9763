"""The canvas and what surrounds it: palette, breadcrumb, network frames."""
