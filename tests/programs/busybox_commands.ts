/** Commands over busybox. `$T` is an empty folder with the files of `FILES`. */

/** A command and, where it has any, its standard input. */
export interface ShellCommand {
  readonly what: string;
  readonly script: string;
  readonly stdin?: string;
}

const command = (what: string, script: string, stdin = ""): ShellCommand => ({ what, script, stdin });

const WORDS = "pear\napple\nfig\nbanana\napple\ncherry\n10\n9\n100\n";
const TABLE = "alice 30 5.5\nbob 25 7.25\ncarol 41 1.125\n";

/** Each runs as `busybox sh -c SCRIPT` with nothing but busybox in PATH. */
// deno-fmt-ignore
export const BUSYBOX_COMMANDS: readonly ShellCommand[] = [
  command("echo", `echo one "two  three" 'four'; echo -n no newline; echo -e '\\ttab\\x41'`),
  command("printf", `printf '%5d|%-8s|%08.3f|%x|%c\\n' 42 left 3.14159 255 z 7 r 2.5 16 y`),
  command("cat and here-document", `cat - <<END\n$((6 * 7)) and $(echo nested)\nEND\ncat <<'END'\n$literal\nEND`),
  command("sort", `sort; echo; printf '%s\\n' 3 1 2 | sort -nr`, WORDS),
  command("sort -u -n", `sort -n -u`, WORDS),
  command("sort by key", `sort -k2,2n; `, TABLE),
  command("uniq -c", `sort | uniq -c`, WORDS),
  command("wc", `wc; echo a b c | wc -w`, WORDS),
  command("head and tail", `cat > f; head -n 2 f; tail -n 2 f; tail -c 5 f; head -c 3 f`, WORDS),
  command("cut and paste", `cat > f; cut -d' ' -f1,3 f > a; cut -c1-2 f > b; paste a b; paste -s -d, b`, TABLE),
  command("tr", `tr a-z A-Z | tr -d AEIOU | tr -s 'P'`, WORDS),
  command("grep", `cat > f; grep -n an f; grep -c a f; grep -v a f; grep -E '^(a|b).*[ae]$' f; grep -q zzz f || echo none`, WORDS),
  command("grep -o -i", `grep -o -i 'A[NP]*'`, WORDS),
  command("sed substitute", `sed -e 's/\\([a-z]\\)\\([a-z]*\\)/\\2\\1ay/' -e '/^[0-9]/d'`, WORDS),
  command("sed addresses, hold space", `sed -n '1!G;h;$p'`, WORDS),
  command("sed branches", `sed -e ':a' -e 's/^.\\{1,12\\}$/ &/;ta'`, WORDS),
  command("awk sums and floats", `awk '{ s += $2; m = ($3 > m) ? $3 : m; printf "%s %.3f\\n", toupper($1), $2 / $3 } END { print s, m, s / NR }'`, TABLE),
  command("awk arrays and functions", `awk 'function f(n) { return n < 2 ? n : f(n-1) + f(n-2) } { a[$1]++ } END { print f(15); for (k in a) if (a[k] > 1) print k, a[k]; print length("hello"), substr("hello", 2, 3), index("hello", "ll"), split("a:b:c", p, ":"), p[3] }'`, WORDS),
  command("awk mathematics", `awk 'BEGIN { printf "%.12g %.12g %.12g %.12g %.12g %d\\n", sin(1), cos(1), exp(1.5), log(10), sqrt(2), int(-3.7); print 2^31, 1e300 * 1e10, -7 % 3 }'`),
  command("awk getline and pipes", `echo 'b\na' > f; awk 'BEGIN { while ((getline line < "f") > 0) print "got", line; "echo shell" | getline x; print x; print "z\\na" | "sort"; close("sort") }'`),
  command("find", `mkdir -p d/e/g; touch d/a.c d/e/b.c d/e/g/c.h; find d -name '*.c' | sort; find d -type d | sort; find d -name '*.h' -exec echo found {} \\;`),
  command("ls -l of sizes and modes", `echo hello > a; chmod 640 a; ln -s a l; mkdir d; ls -l | awk '{ print $1, $9, $10, $11 }'; ls -a; ls -1F`),
  command("cp mv rm", `echo 1 > a; cp a b; mv b c; mkdir d; cp -r d e; cp c e; rm -r d; ls -R; cat e/c`),
  command("ln and readlink", `echo x > a; ln a h; ln -s a s; readlink s; stat -c %h a; rm a; cat h; cat s || echo broken; realpath h | sed 's,.*/,,'`),
  command("tar", `mkdir d; seq 500 > d/n; echo hi > d/h; tar cf t.tar d; rm -r d; tar tf t.tar; tar xf t.tar; md5sum d/n d/h`),
  command("tar with gzip", `mkdir d; seq 2000 > d/n; tar czf t.tgz d; tar tzf t.tgz; rm -r d; tar xzf t.tgz; wc -c d/n`),
  command("gzip and gunzip", `seq 3000 > n; gzip -c n > n.gz; gunzip -c n.gz | cmp - n && echo same; gzip n; ls; gunzip n.gz; md5sum n; zcat < /dev/null; echo $?`),
  command("gzip, byte for byte", `seq 5000 | gzip -n -9 | md5sum`),
  command("bunzip2 and unxz of what is none", `echo nonsense | bunzip2; echo $?; echo nonsense | unxz; echo $?`),
  command("checksums", `seq 4000 > n; md5sum n; sha1sum n; sha256sum n; sha512sum n; sha3sum n; cksum n 2>/dev/null || crc32 n`),
  command("sha256sum -c", `seq 10 > a; seq 20 > b; sha256sum a b > s; sha256sum -c s; echo x >> b; sha256sum -c s; echo $?`),
  command("base64 and uuencode", `seq 30 | base64; seq 30 | base64 | base64 -d | md5sum; echo hello | uuencode x | uudecode -o -`),
  command("hexdump, od, xxd", `printf 'A\\000B\\377xyz 0123456789' > f; hexdump -C f; od -t x1 f; od -c f; od -t d4 f; xxd f; xxd -p f`),
  command("dd", `seq 100 | dd bs=16 count=3 skip=1 2>/dev/null | md5sum; dd if=/dev/zero bs=1024 count=64 2>/dev/null | sha1sum`),
  command("seq, expr, factor", `seq 1 3 10; seq 5 -2 0; expr 7 \\* 6; expr 17 % 5; expr abcdef : 'ab\\(.*\\)f'; expr length hello; factor 1000003 600851475143 2 97`),
  command("bc", `bc`, "scale=20\n4*a(1)\n2^100\nsqrt(2)\ndefine f(n) { if (n < 2) return 1; return n * f(n - 1); }\nf(30)\nibase=16\nFF\n"),
  command("bc -l functions", `bc -l`, "s(1)\nc(1)\ne(1)\nl(2)\na(1)\n"),
  command("dc", `dc -e '10 k 2 v p 3 7 / p 16 o 255 p 2 10 ^ p'`),
  command("date of a given second", `date -u -d @1000000000; date -u -d @1700000000 '+%Y-%m-%d %H:%M:%S %a %j'; cal 2 2024`),
  command("cmp and diff", `seq 10 > a; sed 's/5/five/;7d' a > b; diff a b; echo $?; diff -u a b | tail -n +3; cmp a b; cmp a a && echo same`),
  command("patch", `seq 10 > a; seq 10 | sed 's/4/four/' > b; diff -u a b > p; patch a p; cat a`),
  command("ed", `printf 'one\\ntwo\\nthree\\n' > f; printf '2s/two/zwei/\\n1d\\nw\\nq\\n' | ed f; cat f`),
  command("xargs", `echo a b c d e | xargs -n 2 echo got; printf 'x\\0y z\\0' | xargs -0 -n 1 echo; seq 3 | xargs -I{} echo '<{}>'`),
  command("tee", `echo hello | tee a b | tr a-z A-Z; cat a b; echo more | tee -a a > /dev/null; wc -l a`),
  command("fold, expand, rev, tac, nl", `fold -w 4 > f; cat f; rev f; tac f | nl; printf 'a\\tb\\n' | expand -t 4; printf '    x\\n' | unexpand -a -t 4 | od -c`, "abcdefghij\nklm\n"),
  command("shuf and split of what has one order", `echo only | shuf; seq 1 | shuf; yes no | head -n 3; strings -n 4 /usr/bin/busybox | head -n 1 | wc -l`),
  command("cpio", `mkdir d; seq 40 > d/x; echo q > d/y; find d | sort | cpio -o -H newc > a.cpio 2>/dev/null; rm -r d; cpio -id < a.cpio 2>/dev/null; md5sum d/x d/y`),
  command("ar", `echo one > a; echo two > b; ar -r l.a a b 2>/dev/null; ar -t l.a; ar -p l.a b`),
  command("test and [", `[ 1 -lt 2 ] && echo lt; test -e nothing || echo absent; [ -d . -a ! -f . ] && echo folder; [ abc = abc ] && [ abc != abd ]; echo $?`),
  command("sh: variables and expansions", `a=hello.tar.gz; echo \${a%.*} \${a%%.*} \${a#*.} \${a##*.} \${#a} \${b:-default} \${a:+set} \${a:2:3} \${a/l/L} \${a//l/L}; set -- x 'y z'; for i in "$@"; do echo "[$i]"; done`),
  command("sh: functions, case, loops", `f() { local n=$1; case $n in 0) echo zero;; [1-3]) echo few;; *) echo many;; esac; return $n; }; i=0; while [ $i -lt 5 ]; do f $i; echo $?; i=$((i + 2)); done; until [ $i -eq 4 ]; do i=$((i - 1)); done; echo $i`),
  command("sh: arithmetic", `echo $((1 << 40)) $((-7 / 2)) $((-7 % 3)) $((0x1f ^ 5)) $((5 > 3 ? 10 : 20)) $((9223372036854775807 + 1)); i=3; echo $((i++ + ++i)) $i`),
  command("sh: subshells and pipes", `x=1; (x=2; echo inner $x); echo outer $x; echo a | (read y; echo "read $y"); { echo 1; echo 2; } | while read n; do echo "n=$n"; done; echo "$(echo "$(echo deep)")"`),
  command("sh: background jobs and wait", `(sleep 0.02; echo late; exit 3) & p=$!; echo early; wait $p; echo "status $?"; true & wait; echo done`),
  command("sh: trap", `trap 'echo leaving' EXIT; trap 'echo got USR1' USR1; kill -USR1 $$; (trap 'echo sub' EXIT); exit 7`),
  command("sh: killed by a signal", `sh -c 'kill -TERM $$'; echo $?; sh -c 'kill -9 $$'; echo $?; (exit 5); echo $?`),
  command("sh: redirections", `echo out > f; echo err >&2 2>> f; cat f nothing 2>&1 | sed 's,.*: ,,'; exec 3> g; echo three >&3; exec 3>&-; cat g; cat < g > h; cat h; : > h; wc -c < h`),
  command("sh: reads lines with IFS", `while IFS=: read -r a b c; do echo "$c-$b-$a"; done`, "1:2:3\nx:y:z w\n\\n:b:c\n"),
  command("sh: globs", `touch a1 a2 b1 .h; echo *; echo a?; echo [!a]*; echo .h*; echo 'a*' no*; for f in a*; do echo "f=$f"; done`),
  command("sh: eval, set, shift, getopts", `set -- -a -b val rest; while getopts ab: o; do echo "$o $OPTARG"; done; shift $((OPTIND - 1)); echo $1; eval 'v=3; echo $v'; set -e; false; echo never`),
  command("sh: command not found", `nosuchcommand; echo $?; /; echo $?; ./none; echo $?`),
  command("pipes of many commands", `seq 1000 | grep 7 | sed 's/7/x/g' | sort -r | uniq | awk 'NR % 10 == 0' | tr x y | head -n 5 | cat -n`),
  command("large pipe", `seq 40000 | cat | wc -c; yes | head -n 20000 | md5sum`),
  command("timeout and sleep", `timeout 0.1 sleep 5; echo $?; timeout 5 sleep 0.01; echo $?`),
  command("env", `env -i A=1 B=2 env; A=3 env | grep ^A=; unset A; export C=d; sh -c 'echo $C'`),
  command("uname, id, nproc kinds", `uname -s; uname -m; id -u; tty; echo $?; basename /a/b.c .c; dirname /a/b.c; which sh | sed 's,.*/,,'`),
  command("touch, stat, date of files", `touch -d @1000000000 f; stat -c '%s %Y %F %a' f; date -u -r f +%s; mkdir -m 700 d; stat -c '%a %F' d; test f -ot d && echo older`),
  command("truncate, sync, du, sum", `truncate -s 100000 f; wc -c f; stat -c %s f; sync; dd if=/dev/zero of=f bs=1 count=1 conv=notrunc 2>/dev/null; stat -c %s f; rm f`),
  command("vi-less editing with sed -i", `seq 5 > f; sed -i -e '2,3d' -e 's/5/five/' f; cat f; sed -i '1i top' f; cat f; sed '$a end' f`),
  command("ps-less process groups", `setsid sh -c 'echo session'; nohup echo hup 2>/dev/null; nice echo nice; usleep 1000; echo $?`),
  command("od of random numbers has the right size", `head -c 1000 /dev/urandom | wc -c; head -c 10 /dev/zero | od -An -tx1; echo x > /dev/null; cat /dev/null`),
  command("dpkg-less formats: unzip refuses", `echo none > x.zip; unzip -l x.zip; echo $?; unexpand --help 2>&1 | head -n 1 | cut -c1-7`),
  command("comm-less sets with sort and uniq -d", `printf '%s\\n' a b c > x; printf '%s\\n' b c d > y; sort x y | uniq -d; sort x y | uniq -u`),
  command("split by awk, mktemp", `f=$(mktemp ./tXXXXXX); echo data > $f; cat t*; rm t*; seq 10 | awk '{ print > ("p" $1 % 3) }'; cat p0 p1 p2`),
];
