"""Read and write the class file, and compute which attempts and points count."""
