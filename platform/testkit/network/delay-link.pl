# A link with a delay, for kernels without netem: two TUN devices, each packet of one leaves the other MILLISECONDS later.
# perl delay-link.pl DEVICE DEVICE MILLISECONDS. A line on standard input is a new delay; its end ends the link.
use strict;
use warnings;
use Fcntl;
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);

my ($left, $right, $delay) = @ARGV;
# A second of 100 Mbit/s in full packets; what comes on top is dropped, as a real queue would.
my $heldMax = 8192;
# TUNSETIFF, and IFF_TUN | IFF_NO_PI (linux/if_tun.h).
my ($attach, $plain) = (0x400454ca, 0x0001 | 0x1000);

my @device = map { open_device($_) } $left, $right;
# For each direction: [due, packet] in order of arrival.
my @held = ([], []);
$| = 1;
print "ready\n";

while (1) {
  my $now = clock_gettime(CLOCK_MONOTONIC);
  for my $from (0, 1) {
    my $queue = $held[$from];
    while (@$queue && $queue->[0][0] <= $now) { syswrite $device[1 - $from], (shift @$queue)->[1] }
  }
  my ($next) = sort { $a <=> $b } map { @$_ ? $_->[0][0] - $now : () } @held;
  my $ready = '';
  vec($ready, fileno $_, 1) = 1 for @device, \*STDIN;
  select $ready, undef, undef, $next;
  for my $from (0, 1) {
    next unless vec $ready, fileno($device[$from]), 1;
    my $due = clock_gettime(CLOCK_MONOTONIC) + $delay / 1000;
    while (sysread $device[$from], my $packet, 65536) { push @{ $held[$from] }, [$due, $packet] if @{ $held[$from] } < $heldMax }
  }
  if (vec $ready, fileno(STDIN), 1) {
    sysread(STDIN, my $line, 64) or exit;
    $delay = $1 if $line =~ /([0-9.]+)\s*$/;
  }
}

sub open_device {
  my $name = shift;
  sysopen my $device, '/dev/net/tun', O_RDWR | O_NONBLOCK or die "/dev/net/tun: $!\n";
  ioctl $device, $attach, pack 'a16 S x22', $name, $plain or die "$name: $!\n";
  return $device;
}
