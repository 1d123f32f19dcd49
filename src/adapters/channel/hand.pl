# Flotilla's hand: the resident program behind one Channel. It runs inside an instance as whoever the exec names, takes
# requests on standard input and answers on standard output. It needs nothing but perl-base and is passed as an argument.
#
# Frame, both ways: u32 length of the rest, u32 id, one byte kind, payload. Strings are u32 length + bytes.
# Answers: `o` and `e` pieces of output, `.` done, `!` failed (u32 errno, text). Paths are relative to a root and are walked
# one component at a time without following links, because the agent may change them under our feet.
#
# No modules but `strict`: those that name the constants and calls below cost each container three megabytes.
use strict;

my $PIECE    = 1 << 20;            # most bytes of data in one frame
my $FRAME    = $PIECE + (1 << 16); # most bytes of one frame
my $BACKLOG  = 2 << 20;            # with more than this unsent, no new requests are taken
my $NOT_FILE = 9001;               # our own "errno": neither a regular file nor a directory
my $WNOHANG  = 1;

# The same on every Linux that Debian runs on today.
my ($O_RDONLY, $O_WRONLY, $O_CREAT, $O_EXCL, $O_NONBLOCK, $O_CLOEXEC) = (0, 1, 0100, 0200, 04000, 02000000);
my ($F_GETFL, $F_SETFL) = (3, 4);
my ($ENOENT, $EINTR, $ENXIO, $EBADF, $EAGAIN, $EEXIST) = (2, 4, 6, 9, 11, 17);
my ($EXDEV, $ENOTDIR, $EISDIR, $ENOSYS, $ELOOP) = (18, 20, 21, 38, 40);
my ($S_IFMT, $S_IFREG, $S_IFDIR) = (0170000, 0100000, 0040000);

# What differs, by the machine that this perl was built for (bytes 4 and 18 of its file): flags, and system calls that Perl has
# no names for. On other machines modules know them, and following polls instead.
my $elf = '';
if (open my $self, '<', '/proc/self/exe') { sysread $self, $elf, 20 }
my $machine = length $elf == 20 && ord(substr $elf, 4, 1) == 2 ? unpack('x18 v', $elf) : 0;
my %call = $machine == 62 ? (init => 294, add => 254, remove => 255, prctl => 157, setsid => 112, fsync => 74)
  : $machine == 183 ? (init => 26, add => 27, remove => 28, prctl => 167, setsid => 157, fsync => 82) : ();
my ($O_DIRECTORY, $O_NOFOLLOW) = $machine == 62 ? (0200000, 0400000) : $machine == 183 ? (040000, 0100000)
  : do { require Fcntl; (Fcntl::O_DIRECTORY(), Fcntl::O_NOFOLLOW()) };
my $DIRECTORY = $O_RDONLY | $O_NOFOLLOW | $O_NONBLOCK | $O_DIRECTORY;

my ($in, $out, $serial) = ('', '', 0);
my (%job, %draft, %follow, %hunted, $inotify);
$0 = 'flotilla-hand';
$SIG{PIPE} = 'IGNORE';
$SIG{CHLD} = sub { };
binmode STDIN;
binmode STDOUT;
# A peer that stopped reading must not stop us from seeing the end of our input.
nonblocking(\*STDOUT);

sub nonblocking { my ($fh) = @_; fcntl($fh, $F_SETFL, fcntl($fh, $F_GETFL, 0) | $O_NONBLOCK) }
sub answer { my ($id, $kind, $payload) = @_; $out .= pack('NNa', 5 + length $payload, $id, $kind) . $payload }
sub done { answer($_[0], '.', $_[1] // '') }
sub refuse { my ($errno, $what) = @_; $! = $errno; die "$what\n" }

# Walks to the parent of $path below $root and leaves the process in it; returns the last name ('.' for the root itself).
sub enter {
  my ($root, $path, $make) = @_;
  chdir $root or die "root\n";
  my @names = grep { length && $_ ne '.' } split m{/}, $path;
  refuse($EXDEV, 'leaves its place') if grep { $_ eq '..' } @names;
  my $last = pop @names;
  for my $name (@names) {
    my $folder;
    if ($make && !lstat $name) { mkdir $name, 0755 or $! == $EEXIST or die "mkdir\n" }
    sysopen $folder, $name, $DIRECTORY or refuse_folder($name);
    chdir $folder or die "chdir\n";
  }
  return $last // '.';
}

# The kernel calls a link and a file alike "not a directory"; callers want to know which it was.
sub refuse_folder {
  my ($name, $errno) = ($_[0], $! + 0);
  refuse($errno == $ENOTDIR && -l $name ? $ELOOP : $errno, 'open folder');
}

sub open_regular {
  my ($root, $path) = @_;
  my $name = enter($root, $path);
  sysopen my $fh, $name, $O_RDONLY | $O_NOFOLLOW | $O_NONBLOCK or refuse($! == $ENXIO ? $NOT_FILE : $! + 0, 'open');
  my @stat = stat $fh;
  refuse($EISDIR, 'is a directory') if ($stat[2] & $S_IFMT) == $S_IFDIR;
  refuse($NOT_FILE, 'not a regular file') if ($stat[2] & $S_IFMT) != $S_IFREG;
  return ($fh, @stat[2, 7, 9]);
}

# A draft is a new file beside its target. It takes the target's name when it is complete.
sub draft {
  my ($mode, $sync, $root, $path) = @_;
  my $name = enter($root, $path, 1);
  refuse($EISDIR, 'is a directory') if lstat $name and -d _;
  my $temporary = sprintf '.%s.%d.%d~', substr($name, 0, 80), $$, $serial++;
  sysopen my $folder, '.', $DIRECTORY or die "open folder\n";
  sysopen my $fh, $temporary, $O_WRONLY | $O_CREAT | $O_EXCL | $O_NOFOLLOW, 0600 or die "create\n";
  return { fh => $fh, folder => $folder, name => $name, temporary => $temporary, mode => $mode, sync => $sync };
}

sub append {
  my ($draft, $data) = @_;
  for (my $at = 0; $at < length $data;) {
    $at += syswrite($draft->{fh}, $data, length($data) - $at, $at) // discard($draft, 'write');
  }
}

sub commit {
  my ($draft) = @_;
  chmod $draft->{mode}, $draft->{fh} or discard($draft, 'chmod');
  discard($draft, 'sync') if $draft->{sync} && !flushed($draft->{fh});
  close $draft->{fh} or discard($draft, 'close');
  chdir $draft->{folder} or die "chdir\n";
  rename $draft->{temporary}, $draft->{name} or discard($draft, 'rename');
}

sub flushed {
  my ($fh) = @_;
  return syscall($call{fsync}, fileno $fh) == 0 if $call{fsync};
  require IO::Handle;
  return $fh->sync;
}

sub discard {
  my ($draft, $why) = @_;
  my $errno = $! + 0;
  unlink $draft->{temporary} if chdir $draft->{folder};
  refuse($errno, $why) if $why;
}

my %operation = (
  P => sub { done($_[0]) },
  # a whole file in one frame
  W => sub {
    my ($id, $payload) = @_;
    my ($mode, $sync, $root, $path, $data) = unpack 'N C N/a N/a N/a', $payload;
    my $draft = draft($mode, $sync, $root, $path);
    append($draft, $data);
    commit($draft);
    done($id);
  },
  # a larger file: begin (its id names the draft), append, then commit or abandon
  b => sub { my ($id, $payload) = @_; $draft{$id} = draft(unpack 'N C N/a N/a', $payload); done($id) },
  a => sub {
    my ($id, $payload) = @_;
    my ($which, $data) = unpack 'N N/a', $payload;
    my $draft = $draft{$which} or refuse($EBADF, 'no such draft');
    eval { append($draft, $data); 1 } or do { my $errno = $! + 0; delete $draft{$which}; refuse($errno, 'write') };
    done($id);
  },
  c => sub { my ($id, $payload) = @_; commit(delete $draft{ unpack 'N', $payload } || refuse($EBADF, 'no such draft')); done($id) },
  z => sub { my ($id, $payload) = @_; my $draft = delete $draft{ unpack 'N', $payload }; discard($draft) if $draft; done($id) },
  R => sub {
    my ($id, $payload) = @_;
    my ($offset, $length, $root, $path) = unpack 'Q> N N/a N/a', $payload;
    $length = $PIECE if $length > $PIECE;
    my ($fh, $mode, $size, $time) = open_regular($root, $path);
    sysseek $fh, $offset, 0;
    my $data = '';
    while (length $data < $length) { sysread($fh, $data, $length - length $data, length $data) or last }
    done($id, pack('Q> Q> N', $size, $time, $mode) . $data);
  },
  S => sub {
    my ($id, $payload) = @_;
    my ($root, $path) = unpack 'N/a N/a', $payload;
    my $name = enter($root, $path);
    my @stat = lstat $name or die "stat\n";
    done($id, pack 'N Q> Q>', @stat[2, 7, 9]);
  },
  L => sub {
    my ($id, $payload) = @_;
    my ($max, $root, $path) = unpack 'N N/a N/a', $payload;
    my $name = enter($root, $path);
    sysopen my $folder, $name, $DIRECTORY or refuse_folder($name);
    chdir $folder or die "chdir\n";
    opendir my $entries, '.' or die "list\n";
    my $records = '';
    while ($max > 0 and defined(my $entry = readdir $entries)) {
      next if $entry eq '.' || $entry eq '..';
      my @stat = lstat $entry or next;
      $max--;
      $records .= pack 'N Q> Q> N/a', @stat[2, 7, 9], $entry;
      if (length $records > 1 << 16) { answer($id, 'o', $records); $records = '' }
    }
    answer($id, 'o', $records);
    done($id);
  },
  D => sub {
    my ($id, $payload) = @_;
    my ($root, $path) = unpack 'N/a N/a', $payload;
    my $name = enter($root, $path);
    lstat $name or die "remove\n";
    (-d _ ? rmdir $name : unlink $name) or die "remove\n";
    done($id);
  },
  M => sub {
    my ($id, $payload) = @_;
    my ($mode, $root, $path) = unpack 'N N/a N/a', $payload;
    my $name = enter($root, $path, 1);
    my $made = mkdir $name, 0700;
    $made or $! == $EEXIST or die "mkdir\n";
    sysopen my $folder, $name, $DIRECTORY or refuse_folder($name);
    chmod $mode, $folder or die "chmod\n" if $made;
    done($id);
  },
  # one byte into a FIFO, never blocking: nobody reading is an answer, a full pipe is fine
  B => sub {
    my ($id, $payload) = @_;
    my ($root, $path) = unpack 'N/a N/a', $payload;
    my $name = enter($root, $path);
    my $heard = 0;
    if (sysopen my $fh, $name, $O_WRONLY | $O_NONBLOCK | $O_NOFOLLOW) {
      -p $fh or refuse($NOT_FILE, 'not a FIFO');
      $heard = defined syswrite($fh, "\n") || $! == $EAGAIN;
    }
    elsif ($! != $ENXIO && $! != $ENOENT) { die "open\n" }
    done($id, pack 'C', $heard);
  },
  X => \&start_job,
  # more input for a job, answered when it was taken; the empty piece ends it
  I => sub {
    my ($id, $payload) = @_;
    my ($which, $data) = unpack 'N N/a', $payload;
    my $job = $job{$which};
    return done($id) if !$job || !$job->{i};
    if (!length $data) { close delete $job->{i}; return done($id) }
    $job->{data} .= $data;
    $job->{taken} = $id;
  },
  K => sub {
    my ($id, $payload) = @_;
    my ($which, $signal) = unpack 'N N', $payload;
    end_job($job{$which}, $signal) if $job{$which};
    done($id);
  },
  F => sub {
    my ($id, $payload) = @_;
    my ($offset, $root, $path) = unpack 'Q> N/a N/a', $payload;
    my ($fh) = open_regular($root, $path);
    sysseek $fh, $offset, 0;
    $follow{$id} = { fh => $fh, wanted => 1, watch => watch($fh) };
  },
  # the next piece of a followed file may come: the last one was dealt with
  N => sub { my ($id, $payload) = @_; my $one = $follow{ unpack 'N', $payload }; $one->{wanted} = 1 if $one; done($id) },
  U => sub { my ($id, $payload) = @_; unfollow(unpack 'N', $payload); done($id) },
  # signals every process of an exec, by the id in its environment
  G => sub {
    my ($id, $payload) = @_;
    my ($signal, $exec) = unpack 'N N/a', $payload;
    done($id, pack 'N', scalar grep { kill $signal, $_ } hunt($exec));
  },
);

# The processes of an exec: those with its id in their environment, their children and sessions, whatever those did to their
# environment, and those that were found earlier and have lost their parents since.
sub hunt {
  my ($exec) = @_;
  opendir my $processes, '/proc' or die "list\n";
  my (%of, %mine);
  my $known = delete $hunted{$exec} // {};
  for my $pid (grep { /^\d+$/ && $_ != $$ } readdir $processes) {
    my ($parent, $session, $start) = (slurp("/proc/$pid/stat") =~ /.*\) [^Z] (\d+) \d+ (\d+)(?: \S+){15} (\d+)/s) or next;
    $of{$pid} = [$parent, $session, $start];
    my $environ = "\0" . slurp("/proc/$pid/environ") . "\0";
    $mine{$pid} = 1 if ($known->{$pid} // '') eq $start || $environ =~ /\0FLOTILLA_EXEC=\Q$exec\E\0/;
  }
  my @found = keys %mine;
  while (@found) {
    my %sessions = map { $_ => 1 } grep { $_ && $mine{$_} } map { $of{$_}[1] } @found;
    @found = grep { !$mine{$_} && ($mine{ $of{$_}[0] } || $sessions{ $of{$_}[1] }) } keys %of;
    @mine{@found} = (1) x @found;
  }
  $hunted{$exec} = { map { $_ => $of{$_}[2] } keys %mine } if %mine;
  return keys %mine;
}

sub slurp { my ($path) = @_; open my $fh, '<', $path or return ''; local $/; return readline($fh) // '' }

# Commands: each in a session of its own, with pipes that never block us.
sub start_job {
  my ($id, $payload) = @_;
  my ($max, $more, $cwd, $argv, $env, $data) = unpack 'N C N/a N/a N/a N/a', $payload;
  my @argv = unpack '(N/a)*', $argv;
  pipe my $their_in,  my $our_in  or die "pipe\n";
  pipe my $our_out,   my $their_out   or die "pipe\n";
  pipe my $our_error, my $their_error or die "pipe\n";
  my $pid = fork // die "fork\n";
  if (!$pid) {
    if ($call{setsid}) { syscall $call{setsid} }
    else { require POSIX; POSIX::setsid() }
    syscall $call{prctl}, 1, 9 if $call{prctl}; # if we are killed, so is the command
    # Perl opens its standard handles anew under their old numbers.
    open STDIN, '<&', $their_in or exit 126;
    open STDOUT, '>&', $their_out or exit 126;
    open STDERR, '>&', $their_error or exit 126;
    $SIG{$_} = 'DEFAULT' for qw(PIPE CHLD);
    for (unpack '(N/a)*', $env) { my ($name, $value) = split /=/, $_, 2; $ENV{$name} = $value }
    if (!chdir $cwd) { syswrite STDERR, "cannot enter $cwd: $!\n"; exit 126 }
    exec { $argv[0] } @argv;
    syswrite STDERR, "cannot run $argv[0]: $!\n";
    exit 127;
  }
  nonblocking($_) for $our_in, $our_out, $our_error;
  $job{$id} = { pid => $pid, i => $our_in, o => $our_out, e => $our_error, data => $data, left => $max };
  close delete $job{$id}{i} if !$more && !length $data;
  $job{$id}{close} = !$more;
}

# A negative signal goes to the group, which may not exist yet.
sub end_job { my ($job, $signal) = @_; kill -$signal, $job->{pid} or kill $signal, $job->{pid} if !defined $job->{code} }

sub feed_job {
  my ($job) = @_;
  my $sent = syswrite $job->{i}, $job->{data}, 65536;
  my $broken = !defined $sent && $! != $EAGAIN;
  substr $job->{data}, 0, $sent, '' if $sent;
  $job->{data} = '' if $broken; # input that nobody reads is dropped
  return if length $job->{data};
  done(delete $job->{taken}) if $job->{taken};
  close delete $job->{i} if $broken || $job->{close};
}

sub drain_job {
  my ($id, $job, $stream) = @_;
  my $count = sysread $job->{$stream}, my $piece, 65536;
  if (!$count) { close delete $job->{$stream} if defined $count || $! != $EAGAIN; return }
  $job->{left} -= length(my $kept = substr $piece, 0, $job->{left});
  answer($id, $stream, $kept) if length $kept;
  return if length $kept == $count;
  end_job($job, $job->{cut}++ ? 9 : 15);
}

sub reap {
  while ((my $pid = waitpid -1, $WNOHANG) > 0) {
    my ($job) = grep { $_->{pid} == $pid } values %job or next;
    $job->{code} = $? & 127 ? 128 + ($? & 127) : $? >> 8;
    $job->{ended} = time;
  }
  for my $id (keys %job) { # a child left in the background may hold the pipes open: 2 s for its last words
    my $job = $job{$id};
    next if !defined $job->{code} || (($job->{o} || $job->{e}) && time - $job->{ended} <= 2);
    done($job->{taken}) if $job->{taken};
    done($id, pack 'N C', $job->{code}, $job->{cut} ? 1 : 0);
    delete $job{$id};
  }
}

# Following: one inotify instance for all files; without one (the kernel grants 128 to each user) we look 5 times a second.
sub watch {
  my ($fh) = @_;
  return if !$call{init};
  if (!$inotify) {
    my $fd = syscall $call{init}, $O_NONBLOCK | $O_CLOEXEC;
    open $inotify, '<&=', $fd if $fd >= 0;
  }
  return if !$inotify;
  my $path = '/proc/self/fd/' . fileno $fh;
  my $watch = syscall $call{add}, fileno $inotify, $path, 2;
  return $watch >= 0 ? $watch : undef;
}

sub unfollow {
  my $one = delete $follow{ $_[0] } or return;
  return if !defined $one->{watch} || grep { defined $_->{watch} && $_->{watch} == $one->{watch} } values %follow;
  syscall $call{remove}, fileno $inotify, $one->{watch};
}

sub look_at_followed {
  for my $id (grep { $follow{$_}{wanted} } keys %follow) {
    my $count = sysread $follow{$id}{fh}, my $piece, 1 << 18;
    if (!defined $count) { answer($id, '!', pack('N', $! + 0) . 'read'); unfollow($id); next }
    next if !$count;
    $follow{$id}{wanted} = 0;
    answer($id, 'o', $piece);
  }
}

sub patience {
  return 0.02 if grep { !$_->{o} && !$_->{e} } values %job; # about to be reaped; the signal may have come too early
  return 0.2 if %job || grep { $_->{wanted} && !defined $_->{watch} } values %follow;
  return %follow ? 5 : undef;
}

sub serve {
  my ($id, $kind, $payload) = @_;
  $! = 0;
  my $work = $operation{$kind} // sub { refuse($ENOSYS, 'unknown operation') };
  eval { $work->($id, $payload); 1 } or do { my $errno = $! + 0; chomp(my $why = $@); answer($id, '!', pack('N', $errno) . $why) };
  chdir '/';
}

sub leave { end_job($_, 9) for values %job; discard($_) for values %draft; exit $_[0] }

while (1) {
  my ($read, $write) = ('', '');
  vec($read, 0, 1) = 1 if length $out < $BACKLOG;
  vec($write, 1, 1) = 1 if length $out;
  vec($read, fileno $inotify, 1) = 1 if $inotify;
  for my $job (values %job) {
    for (qw(o e)) { vec($read, fileno $job->{$_}, 1) = 1 if $job->{$_} && length $out < $BACKLOG }
    vec($write, fileno $job->{i}, 1) = 1 if $job->{i} && length $job->{data};
  }
  if (select($read, $write, undef, patience()) > 0) {
    if (vec $write, 1, 1) {
      my $sent = syswrite STDOUT, $out, 1 << 16;
      leave(0) if !defined $sent && $! != $EINTR && $! != $EAGAIN;
      substr $out, 0, $sent, '' if $sent;
    }
    sysread $inotify, my $events, 1 << 16 if $inotify && vec $read, fileno $inotify, 1;
    for my $id (keys %job) {
      my $job = $job{$id};
      feed_job($job) if $job->{i} && vec $write, fileno $job->{i}, 1;
      for (qw(o e)) { drain_job($id, $job, $_) if $job->{$_} && vec $read, fileno $job->{$_}, 1 }
    }
    if (vec $read, 0, 1) {
      my $count = sysread STDIN, $in, 1 << 18, length $in;
      leave(0) if defined $count ? !$count : $! != $EINTR; # the end of input ends us and every command
      while (length $in >= 4) {
        my $length = unpack 'N', $in;
        leave(3) if $length < 5 || $length > $FRAME;
        last if length $in < 4 + $length;
        serve(unpack 'x4 N a a*', substr $in, 0, 4 + $length, '');
      }
    }
  }
  reap();
  look_at_followed() if %follow && length $out < $BACKLOG;
}
