"""What people bring: uploads, archives, and folders whose names say the class or the part of the files in them."""
