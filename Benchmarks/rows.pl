#!/usr/bin/env perl
# Writes COUNT rows of five cells as NDJSON, in an order that is not the key order: what the load,
# crash and overwrite figures are measured with. ROUND changes the values and nothing else.
#   perl Benchmarks/rows.pl COUNT [ROUND] > rows.ndjson
use strict;
use warnings;

my ($count, $round) = (shift // 1_000_000, shift // 0);
for my $number (0 .. $count - 1) {
  # An odd multiplier permutes 32-bit numbers: every key once, spread over the key space.
  my $spread = ($number * 2_654_435_761) & 0xffff_ffff;
  my $draw = (($spread ^ ($round * 0x9e37)) * 1_103_515_245 + 12_345) & 0x7fff_ffff;
  printf '{"key":"%010d%04d","families":{"f":{"model":"credit_v%d","note":"scored in round %d, draw %08x"},'
    . '"s":{"limit":%d,"score":%d,"tier":%d}}}' . "\n",
    $spread, $number % 10_000, $draw % 4, $round, $draw, $draw % 4_500_000, $draw % 1_001, $draw % 5;
}
