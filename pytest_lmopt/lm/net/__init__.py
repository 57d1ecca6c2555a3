"""The net below the interception: connections, processes and libraries that no hook claims."""
