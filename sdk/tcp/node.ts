/** Captures in files: opened, unpacked, divided among cores. */
export {}
