# terminal.pl COLS ROWS COMMAND... - runs a command on a terminal of its own and carries bytes between it and our standard
# streams. Lines "cols rows" on descriptor 3 resize it. Ends with the command's exit code, 128+n for a signal. Only perl-base.
use strict;
use warnings;
use Fcntl;
use POSIX qw(:sys_wait_h :errno_h setsid dup2 _exit);

my ($columns, $rows) = (shift, shift);
my ($TIOCSWINSZ, $TIOCSCTTY, $TIOCSPTLCK, $TIOCGPTN) = (0x5414, 0x540E, 0x40045431, 0x80045430);
$SIG{PIPE} = 'IGNORE';

sysopen my $master, '/dev/ptmx', O_RDWR | O_NOCTTY or die "no terminal can be had: $!\n";
my ($number, $unlock) = map { pack 'i', $_ } 0, 0;
ioctl $master, $TIOCSPTLCK, $unlock or die "the terminal cannot be unlocked: $!\n";
ioctl $master, $TIOCGPTN, $number or die "the terminal has no number: $!\n";
sub resize { my $size = pack 'S4', $_[1], $_[0], 0, 0; ioctl $master, $TIOCSWINSZ, $size }
resize($columns, $rows);

my $pid = fork // die "fork: $!\n";
if (!$pid) {
  setsid();
  sysopen my $slave, '/dev/pts/' . unpack('i', $number), O_RDWR or _exit(126);
  ioctl $slave, $TIOCSCTTY, 0;
  dup2(fileno $slave, $_) for 0 .. 2;
  POSIX::close(3);
  $SIG{PIPE} = 'DEFAULT';
  { no warnings; exec { $ARGV[0] } @ARGV }
  print STDERR "cannot run $ARGV[0]: $!\r\n";
  _exit(127);
}

open my $control, '<&=', 3 or die "no control: $!\n";
my ($input, $orders, $code, %ended) = ('', '');
while (1) {
  my ($read, $write) = ('', '');
  vec($read, fileno $master, 1) = 1;
  vec($read, 0, 1) = 1 if !$ended{input} && length $input < 65536;
  vec($read, 3, 1) = 1 if !$ended{control};
  vec($write, fileno $master, 1) = 1 if length $input;
  my $ready = select $read, $write, undef, defined $code ? 0.1 : 1;
  next if $ready < 0;
  last if defined $code && !$ready; # a child left in the background may keep the terminal open for ever
  $code = $? if !defined $code && waitpid($pid, WNOHANG) == $pid;
  if (vec $read, fileno $master, 1) {
    sysread $master, my $piece, 65536 or last; # the last process has closed the terminal
    for (my $at = 0; $at < length $piece;) { $at += syswrite(STDOUT, $piece, length($piece) - $at, $at) // exit 129 }
  }
  if (vec $write, fileno $master, 1) {
    my $sent = syswrite $master, $input, 1024;
    substr $input, 0, $sent, '' if $sent;
  }
  if (!$ended{input} && vec $read, 0, 1) { sysread STDIN, $input, 65536, length $input or $ended{input} = 1 }
  if (!$ended{control} && vec $read, 3, 1) {
    sysread $control, $orders, 4096, length $orders or $ended{control} = 1;
    while ($orders =~ s/^(\d+) (\d+)\n//) { resize($1, $2) }
  }
  last if $ended{input} && $ended{control}; # whoever sat at the terminal is gone: it hangs up
}
close $master;
if (!defined $code) { waitpid $pid, 0; $code = $? }
exit($code & 127 ? 128 + ($code & 127) : $code >> 8);
