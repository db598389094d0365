// Tests of the binary front.
