"""The machine: devices, hosts, processes, files and the screen."""
