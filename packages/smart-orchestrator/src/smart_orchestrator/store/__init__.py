"""Object stores: a local folder, or any store that obstore reaches. The only object I/O."""
