/** Commands whose output and exit code are compared with native execution. Each runs in an empty folder of its own. */

/** Debian's own static programs. */
export const BUSYBOX = "/bin/busybox";
export const BASH = "/bin/bash-static";

/** A command: a program, its arguments, and standard input. */
export interface Command {
  readonly argv: readonly string[];
  readonly stdin?: string;
}

const busybox = (...args: string[]): Command => ({ argv: [BUSYBOX, ...args] });
const sh = (script: string, stdin = ""): Command => ({ argv: [BUSYBOX, "sh", "-c", script], stdin });
const bash = (script: string, stdin = ""): Command => ({ argv: [BASH, "-c", script], stdin });

const TEXT = "the quick brown fox\njumps over\nthe lazy dog\n";

/** Busybox: its applets, alone and in its shell. */
export const BUSYBOX_COMMANDS: readonly Command[] = [
  busybox("true"),
  busybox("false"),
  busybox("echo", "-n", "a", "b  c"),
  busybox("nosuchapplet"),
  busybox("seq", "3", "4", "30"),
  busybox("expr", "6", "*", "7"),
  busybox("printf", "%05d %s %x %b\\n", "42", "text", "255", "a\\tb"),
  busybox("cat", "/nonexistent"),
  busybox("basename", "/usr/lib/libc.so", ".so"),
  busybox("dc", "-e", "2 64 ^ p 17 k 2 v p"),
  busybox("factor", "1234567890", "97"),
  busybox("date", "-u", "-d", "@86400", "+%F %T %j"),
  busybox("cal", "2", "2024"),
  busybox("env", "-i", "A=1", "B=2", BUSYBOX, "env"),
  { argv: [BUSYBOX, "sort", "-r"], stdin: TEXT },
  { argv: [BUSYBOX, "wc"], stdin: TEXT },
  { argv: [BUSYBOX, "tr", "a-z", "A-Z"], stdin: TEXT },
  { argv: [BUSYBOX, "rev"], stdin: TEXT },
  { argv: [BUSYBOX, "od", "-c"], stdin: TEXT },
  { argv: [BUSYBOX, "hexdump", "-C"], stdin: TEXT },
  { argv: [BUSYBOX, "sed", "-n", "s/\\(o[a-z]*\\)/<\\1>/gp"], stdin: TEXT },
  { argv: [BUSYBOX, "grep", "-nE", "(fox|dog)$"], stdin: TEXT },
  {
    argv: [BUSYBOX, "awk", "{ n += NF; print NR, $NF, length($0) } END { print n, 1/3, sin(1), 2^40 }"],
    stdin: TEXT,
  },
  { argv: [BUSYBOX, "cut", "-d ", "-f2-"], stdin: TEXT },
  { argv: [BUSYBOX, "fold", "-w", "7"], stdin: TEXT },
  { argv: [BUSYBOX, "nl"], stdin: TEXT },
  { argv: [BUSYBOX, "uniq", "-c"], stdin: "a\na\nb\na\n" },
  { argv: [BUSYBOX, "tac"], stdin: TEXT },
  { argv: [BUSYBOX, "base64"], stdin: TEXT },
  { argv: [BUSYBOX, "md5sum"], stdin: TEXT },
  { argv: [BUSYBOX, "sha1sum"], stdin: TEXT },
  { argv: [BUSYBOX, "sha256sum"], stdin: TEXT },
  { argv: [BUSYBOX, "sha512sum"], stdin: TEXT },
  { argv: [BUSYBOX, "cksum"], stdin: TEXT },
  { argv: [BUSYBOX, "bc"], stdin: "scale=20; 1/7; 2^100; sqrt(2)\n" },
  { argv: [BUSYBOX, "xargs", "-n2", "echo", "x"], stdin: TEXT },
  { argv: [BUSYBOX, "tail", "-n", "1"], stdin: TEXT },
  sh("gzip -c | gunzip -c", TEXT.repeat(200)),
  sh("bzip2 -c | bunzip2 -c | md5sum", TEXT.repeat(100)),
  sh(
    "mkdir -p a/b && echo x > a/b/c && cp -r a d && find d | sort && tar cf t.tar d && rm -r d && tar xf t.tar && cat d/b/c",
  ),
  sh(
    "touch f; ln -s f l; ln f h; ls -l l | cut -c1-10; readlink l; stat -c '%h %s %F' f; chmod 741 f; stat -c %a f",
  ),
  sh("for i in 1 2 3; do echo $i; done | while read x; do echo $((x * x)); done"),
  sh("f() { local v=$1; [ $v -le 1 ] && echo 1 || echo $((v * $(f $((v - 1))))); }; f 5"),
  sh("trap 'echo bye' EXIT; (exit 3); echo $?; kill -0 $$ && echo alive"),
  sh("sleep 0.1 & wait $!; echo $?; false || echo or; true && echo and; ! true; echo $?"),
  sh("cat <<X | tr e E; echo ${HOME:-none} ${HOME#/} ${#HOME}\nhere\nX\n"),
  sh(
    "case abc in a*) echo match;; *) echo no;; esac; set -- a b c; shift; echo $# $*; echo $(( (5 & 3) | 8 ))",
  ),
  sh(
    "echo one > f; echo two >> f; exec 3< f; read x <&3; read y <&3; echo $y $x; exec 3<&-; diff f f && echo same",
  ),
  sh("set -e; false; echo unreachable"),
  sh("kill -TERM $$; echo unreachable"),
];

/** Bash: what scripts use. */
export const BASH_COMMANDS: readonly Command[] = [
  bash("echo hello; exit 7"),
  bash(
    "a=(1 2 3 x y); echo ${#a[@]} ${a[@]:1:2} ${a[-1]}; a+=(z); echo \"${a[*]}\"; unset 'a[0]'; echo ${!a[@]}",
  ),
  bash("declare -A m; m[one]=1; m[two]=2; for k in one two; do echo $k=${m[$k]}; done; echo ${#m[@]}"),
  bash(
    "for ((i = 0; i < 5; i++)); do printf '%d ' $((i ** 2)); done; echo; echo $((0x1f + 010 + 2#101)) $((7 / 2)) $((-7 % 3))",
  ),
  bash("x=hello; echo ${x^^} ${x:1:3} ${x/l/L} ${x//l/L} ${x%lo} ${x#he} ${y:-default} ${#x}"),
  bash('(echo in a subshell; exit 4); echo $?; { echo group; } ; x=$(echo a; echo b); echo "$x"'),
  bash("cat <<EOF\nvalue $((1 + 1))\nEOF\ncat <<'EOF'\n$literal\nEOF\ncat <<< 'a here string'"),
  bash("echo a b c | { read x y; echo \"$y $x\"; }; printf '%s\\n' c a b | sort | head -2; seq 5 | tail -1"),
  bash("trap 'echo caught TERM' TERM; kill -TERM $$; trap 'echo exit $?' EXIT; exit 5"),
  bash("sleep 0.2 & sleep 0.1 & wait; echo done; (exit 9) & wait $!; echo $?; jobs"),
  bash("f() { local x=$1; ((x <= 1)) && { echo 1; return; }; echo $((x * $(f $((x - 1))))); }; f 6"),
  bash(
    "[[ abc123 =~ ([a-z]+)([0-9]+) ]] && echo ${BASH_REMATCH[2]} ${BASH_REMATCH[1]}; [[ a < b ]] && echo less",
  ),
  bash("set -o pipefail; false | true; echo $?; true | false | true; echo ${PIPESTATUS[*]}"),
  bash('while read -r line; do echo "[$line]"; done', "a b\n  c\\d\nlast"),
  bash("diff <(seq 3) <(seq 4); echo $?; cat <(echo process substitution)"),
  bash(
    "mkdir d; cd d; touch {a,b}{1,2}.txt; echo *; echo ?1*; shopt -s nullglob; echo *.none; cd ..; ls d | wc -l",
  ),
  bash("printf '%5.2f|%-5s|%05d|%x\\n' 3.14159 ab 42 255; printf -v v '%03d' 7; echo $v; echo -e 'a\\tb'"),
  bash(
    "select x in; do :; done < /dev/null; i=0; until ((i == 3)); do ((i++)); done; echo $i; case $i in [0-5]) echo low ;; esac",
  ),
  bash(
    "exec 3>out; echo to three >&3; exec 3>&-; cat out; echo err >&2; ls nonexistent 2>/dev/null || echo failed; : > out; wc -c < out",
  ),
  bash("coproc tr a-z A-Z; echo coprocess >&${COPROC[1]}; exec {COPROC[1]}>&-; cat <&${COPROC[0]}"),
  bash(
    "ulimit -n 64; ulimit -n; umask 027; umask; type -t cd ls; echo $BASH_SUBSHELL $(echo $BASH_SUBSHELL); getopts ab: o -b x; echo $o $OPTARG",
  ),
  bash(
    "echo $((10#0042)) ${RANDOM:+random} $SECONDS; IFS=,; set -- 1,2,3; echo $1; for w in $1; do echo $w; done; mapfile -t l < <(seq 3); echo ${l[2]}",
  ),
  bash("kill -SEGV $$"),
  bash(
    "mkfifo p; (sleep 0.2; echo through > p) & cat p; wait; cat p & echo again > p; wait; ls -l p | cut -c1",
  ),
  bash(
    "echo 10 > /proc/self/oom_score_adj; cat /proc/self/oom_score_adj; echo -5000 > /proc/self/oom_score_adj; echo $?; echo renamed-and-too-long > /proc/$$/task/$$/comm; cat /proc/$$/comm",
  ),
  bash("sleep 0.1 | { echo written > /dev/fd/0; head -1; }; echo a | { echo b > /dev/fd/1; cat /dev/fd/0; }"),
  bash(
    "mkdir d; echo > f; exec 3< d 4< f; chmod 710 /proc/self/fd/3; chmod 604 /dev/fd/4; touch -d @86400 /proc/self/fd/3; stat -c '%a %Y' d; stat -c %a f",
  ),
  bash(
    "ulimit -f 1; head -c 5000 /dev/zero > big; echo $?; trap '' XFSZ; echo 12 | dd of=x seek=1023 bs=1; echo $?; truncate -s 9999 x; echo $?; stat -c %s big x",
  ),
  bash(
    "nosuchcommand; echo $?; ./missing; echo $?; . /dev/null; eval 'echo eval'; readonly r=1; r=2; echo unreachable",
  ),
];
