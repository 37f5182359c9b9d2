/** Scripts over bash. */
import type { ShellCommand } from "./busybox_commands.ts";

const script = (what: string, text: string, stdin = ""): ShellCommand => ({ what, script: text, stdin });

/** Each runs as `bash -c SCRIPT` with busybox's commands in PATH. */
// deno-fmt-ignore
export const BASH_SCRIPTS: readonly ShellCommand[] = [
  script("arrays", `a=(zero one "two words" three); a[7]=seven; a+=(last); echo "\${a[@]}"; echo "\${#a[@]} \${!a[@]}"; echo "\${a[@]:1:2}"; unset 'a[1]'; for i in "\${a[@]}"; do echo "<$i>"; done`),
  script("associative arrays", `declare -A m=([one]=1 [two]=2); m[three]=3; for k in $(printf '%s\\n' "\${!m[@]}" | sort); do echo "$k=\${m[$k]}"; done; echo \${#m[@]}; [[ -v m[two] ]] && echo has two; unset 'm[one]'; echo \${#m[@]}`),
  script("pipelines and PIPESTATUS", `true | false | (exit 3); echo "\${PIPESTATUS[@]}"; set -o pipefail; false | true; echo $?; seq 10 | while read -r n; do ((s += n)); echo $s; done | tail -n 1`),
  script("lastpipe and process groups", `shopt -s lastpipe; seq 5 | readarray -t lines; echo "\${#lines[@]} \${lines[4]}"`),
  script("subshells", `x=1; ( x=2; cd /; echo "$x $PWD $BASH_SUBSHELL" ); echo "$x $BASH_SUBSHELL"; y=$(echo "$(echo a)$(echo b)"); echo $y; (exit 9); echo $?`),
  script("here-documents", `name=World; cat <<END; cat <<'RAW'; cat <<-TAB; cat <<<"here string $name"\nHello $name $((2 ** 10)) $(echo sub) \\$x\nEND\nRaw $name \\n\nRAW\n\ttabs gone\n\tTAB\n`),
  script("traps", `trap 'echo exit $?' EXIT; trap 'echo err at $LINENO' ERR; false; trap 'echo usr1' USR1; kill -USR1 $$; trap - USR1; trap 'echo debug >&2' DEBUG; trap - DEBUG; trap; exit 4`),
  script("trap in a wait", `trap 'echo caught' TERM; (sleep 0.05; kill -TERM $$) & sleep 0.2 & wait $!; echo "status $?"; wait; echo end`),
  script("jobs and wait", `sleep 0.1 & a=$!; (exit 5) & b=$!; wait $b; echo $?; wait $a; echo $?; for i in 3 1 2; do (sleep 0.$((i * 2)); echo job $i) & done; wait; echo all; wait 99999; echo $?`),
  script("wait -n", `(sleep 0.1; exit 2) & (sleep 0.5; exit 3) & wait -n; echo $?; wait -n; echo $?; wait -n; echo $?`),
  script("kill and job status", `sleep 5 & p=$!; kill $p; wait $p; echo $?; sleep 5 & kill -9 $!; wait $!; echo $?; kill -l 11; kill -0 $$ && echo alive`),
  script("coprocess", `coproc cat; echo over >&"\${COPROC[1]}"; read -r line <&"\${COPROC[0]}"; echo "got $line"; exec {COPROC[1]}>&-; wait; echo done`),
  script("process substitution", `cat <(echo a) <(echo b); while read -r x; do echo "<$x>"; done < <(seq 3); echo hello | tee >(cat > f) > /dev/null; sleep 0.02; cat f`),
  script("arithmetic", `echo $((2#1010 + 16#ff + 8#17)) $((1 << 62)) $((7 / -2)) $((-7 % 3)) $((~5)) $((3 ** 20)); ((x = 5, y = x++ * 2)); echo $x $y; for ((i = 0; i < 3; i++)); do echo -n "$i "; done; echo; let z=4+4; echo $z; echo $((1/0)); echo no`),
  script("string operations", `s="Hello, World"; echo "\${#s} \${s:7} \${s: -5:3} \${s^^} \${s,,} \${s/o/0} \${s//o/0} \${s/#Hello/Bye} \${s/%World/All} \${s%,*} \${s##* }"; printf '%q\\n' "a b'c"; echo "\${u:-unset} \${u:=assigned} $u"; echo "\${s@Q}"`),
  script("printf", `printf '%05d|%-6s|%+d|%x|%o|%e|%.3f|%s\\n' 42 ab 7 255 8 12345.678 2.71828 end; printf '%s=%d\\n' a 1 b 2; printf -v v '%03d' 7; echo $v; printf '%b' 'x\\ty\\n'; printf '%(%Y-%m-%d)T\\n' 86400`),
  script("regular expressions and patterns", `[[ "foo-123.bar" =~ ^([a-z]+)-([0-9]+)\\.(.*)$ ]] && echo "\${BASH_REMATCH[1]} \${BASH_REMATCH[2]} \${BASH_REMATCH[3]}"; shopt -s extglob; for w in aaa ab abab c; do case $w in +(a)) echo "$w a+";; *(ab)) echo "$w (ab)*";; !(x)) echo "$w other";; esac; done; [[ abc == a?c && abc < abd ]] && echo yes`),
  script("globs and brace expansion", `touch f1 f2 g1 .hid; echo *; echo f?; echo {a,b}{1..3} {01..03} {a..e..2}; shopt -s nullglob; echo none*; shopt -s dotglob; echo *; mkdir -p d/e; touch d/e/x; shopt -s globstar; echo **/x`),
  script("functions, locals, recursion", `fact() { local n=$1; if ((n < 2)); then echo 1; else echo $((n * $(fact $((n - 1))))); fi; }; fact 12; f() { echo "$# $*" "\${FUNCNAME[0]}"; return 3; }; f a "b c"; echo $?; declare -f f | head -n 2; g() { local -n ref=$1; ref=changed; }; v=old; g v; echo $v`),
  script("select, case and fallthrough", `case b in a) echo a;; b) echo b;& c) echo c;;& *) echo star;; esac; select x in one two; do echo "chose $x"; break; done 2>/dev/null <<< 2; until ((++n > 3)); do echo $n; done`),
  script("read", `while IFS=, read -r a b rest; do echo "[$a][$b][$rest]"; done; IFS= read -r -d: z <<< "  x y:rest"; echo "[$z]"; read -r -n 3 q <<< abcdef; echo $q; read -r -a arr <<< "1 2 3"; echo \${arr[2]}; read -t 0.01 nothing < /dev/null; echo $?`, "1,2,3,4\nx,,y\n"),
  script("redirections", `{ echo out; echo err >&2; } > o 2> e; cat o e; exec 5<> f; echo data >&5; exec 5>&-; cat f; echo both &> b; cat b; : > b; [[ -s b ]] || echo empty; ls nothing 2> /dev/null || echo $?; cat < f 3>&1 >&2 2>&3 | cat`),
  script("set -e, set -u, set -x", `(set -e; false; echo never); echo $?; (set -u; echo $undefined) 2>/dev/null; echo $?; (set -x; echo traced) 2>&1; set -- a b c; shift; echo $1 $#; set -o | grep -c on`),
  script("command substitution of binary and large output", `x=$(seq 20000); echo \${#x}; y=$(printf 'a\\n\\n\\n'); echo "[$y]"; echo "$x" | sha256sum; z=$(< /dev/null); echo "[$z]"`),
  script("sort, awk, sed and grep in a pipeline", `for i in {1..300}; do echo "$((i * 7919 % 1000)) line$i"; done | sort -n | awk '$1 % 2 { s += $1; n++; print $2 } END { print s, n }' | sed -n 's/line\\(.*\\)5$/<\\1>/p; $p' | grep -v '<2' | md5sum`),
  script("a sieve", `n=400; for ((i = 2; i <= n; i++)); do p[i]=1; done; for ((i = 2; i * i <= n; i++)); do ((p[i])) && for ((j = i * i; j <= n; j += i)); do p[j]=0; done; done; for ((i = 2; i <= n; i++)); do ((p[i])) && printf '%d ' $i; done; echo`),
  script("string building and sorting in the shell", `a=(5 3 9 1 7); for ((i = 0; i < 5; i++)); do for ((j = 0; j < 4 - i; j++)); do if ((a[j] > a[j+1])); then t=\${a[j]}; a[j]=\${a[j+1]}; a[j+1]=$t; fi; done; done; echo "\${a[@]}"; s=; for c in {a..z}; do s=$c$s; done; echo $s`),
  script("exit codes", `bash -c 'exit 300' 2>/dev/null; /bin/bash-static -c 'exit 300'; echo $?; nosuch 2>/dev/null; echo $?; . /dev/null; echo $?; ! true; echo $?; /bin/bash-static -c 'kill -SEGV $$'; echo $?; exit 42`),
  script("umask, cd, pushd, test operators", `umask 027; touch f; stat -c %a f; mkdir d; pushd d > /dev/null; basename "$PWD"; popd > /dev/null; [[ -f f && -d d && ! -e g && f -nt /dev/null ]]; echo $?; [ -x /bin/bash-static -a -r f ] && echo ok; cd nosuch 2>/dev/null || echo no; ulimit -n > /dev/null && echo limit`),
  script("eval, indirection, declare", `name=var; var=value; echo \${!name}; eval "$name=other"; echo $var; declare -i n=5+6; echo $n; declare -r c=1; (c=2) 2>/dev/null; echo $?; declare -u up=abc; echo $up; readonly -p | grep -c ' c='; export E=1; env | grep ^E=; declare -p n`),
  script("getopts, shift, set", `set -- -v -o out -x file; while getopts 'vo:x' o; do case $o in v) echo verbose;; o) echo "o=$OPTARG";; x) echo x;; esac; done; shift $((OPTIND - 1)); echo "$@"; echo "\${@:1}" "$0" | wc -w`),
  script("exec replaces the shell", `echo before; exec busybox echo after; echo never`),
  script("a script file with #!", `printf '#!/bin/bash-static\\necho "script $0 $1 $#"\\nexit 6\\n' > s; chmod +x s; ./s arg two; echo $?; . ./s; echo never`),
  script("reading a file in a loop with several descriptors", `seq 3 > a; seq 4 6 > b; while read -r x <&3 && read -r y <&4; do echo $((x * y)); done 3< a 4< b; mapfile -t m < a; echo "\${m[@]/#/n}"; tail -n +2 b | { read -r q; echo $q; }`),
  script("times, SECONDS kinds, RANDOM of a seed", `RANDOM=42; r=$RANDOM; RANDOM=42; [[ $r == $RANDOM ]] && echo same; [[ $SECONDS =~ ^[0-9]+$ ]] && echo number; [[ $EPOCHSECONDS -gt 1000000000 ]] && echo later; echo \${BASH_VERSINFO[0]}; echo $$ | grep -c '^[0-9]*$'; echo $LINENO`),
];
