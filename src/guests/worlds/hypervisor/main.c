/*
 * The hypervisor: several machines, of which one runs at a time.
 *
 * Multiboot gives it a kernel for the machines, an initrd, and a command line:
 *   system=proxos|hypershell|tahoma|shadowcontext path=original|vmfunc|crossover iterations=N
 * Instead of a system: server=PROGRAM client=PROGRAM, programs in /bin of the initrd.
 *
 * Machine 1 serves. Machine 3, in a case study, is a stranger to it and tries to call. Machine 2, or a process of the
 * host, calls and measures. They begin in this order: a machine gets its first turn when the one before has parked itself
 * or has ended.
 */
#include "hypervisor.h"

struct boot_info {
  u32 flags, lower_kb, upper_kb, boot_device, command_line, modules, module_list;
};
struct boot_module {
  u32 start, end, command_line, reserved;
};

/* Who takes part in a case study. A program of the host: a process in place of machine 2. */
struct system {
  const char *name;
  struct { const char *machine, *program; } server, client;
  const char *host_program; /* NULL: the client is a machine's over every path */
};
static const struct system systems[] = {
    {"proxos", {"commodity", "proxos-proxy"}, {"private", "proxos-app"}, 0},
    {"hypershell", {"guest", "hypershell-helper"}, {"management", "hypershell"}, "hypershell"},
    {"tahoma", {"manager", "tahoma-os"}, {"instance", "tahoma-browser"}, 0},
    {"shadowcontext", {"untrusted", "shadow-dummy"}, {"trusted", "shadow-tool"}, 0},
};
enum { SERVER = 1, CLIENT, STRANGER };

struct context contexts[MAX_VMS + 1];
struct context *current;
const u8 *kernel_image;
int crossover;

#define LINE_SIZE 256
static char path[LINE_SIZE], iterations[LINE_SIZE];
static struct context *line[MAX_VMS]; /* who has not had a turn yet, NULL at the end */
static u32 next;

/* Gives the processor to another machine or process. Its registers are loaded when it is resumed. */
void switch_to(struct context *context) {
  if (context == current) return;
  if (current) save_msrs(&current->msrs);
  current = context;
  load_msrs(&context->msrs);
  if (vmptrld((u64)context->vmcs)) panic("VMPTRLD fails", context->id);
}

void resume(void) {
  if (current->id == HOST_ID) resume_host();
  enter_vm(current);
}

void next_in_line(void) {
  if (!line[next]) panic("nobody is left to run", 0);
  switch_to(line[next++]);
}

/* A machine or the host's process has ended: nobody reaches it any more. If it owes an answer, that is an error;
 * otherwise the next has its turn. The client is the last in line: its exit code is that of the whole, and so is every
 * other error. */
void end_context(struct context *context, u64 code) {
  context->state = ENDED;
  drop_worlds_of(context);
  if (context->id != HOST_ID) allow_views(context, 0, 0);
  if (context->call_started) {
    answer(context, -ENOENT);
    resume();
  }
  if (!line[next] || code != 0) stop(code);
  next_in_line();
  resume();
}

/* Copies the value of name=value from the command line; `otherwise` if it is not there. */
static void option(const char *command_line, const char *name, const char *otherwise, char *value) {
  const char *found = otherwise;
  u64 n = 0;
  for (const char *word = command_line; *word; word++) {
    if ((word == command_line || word[-1] == ' ') && is_equal(word, name, length(name))) found = word + length(name);
  }
  while (found[n] && found[n] != ' ' && n < LINE_SIZE - 1) value[n] = found[n], n++;
  value[n] = 0;
}

static int is(const char *a, const char *b) { return length(a) == length(b) && is_equal(a, b, length(a)); }

static char *append(char *to, const char *s) {
  copy(to, s, length(s));
  to[length(s)] = 0;
  return to + length(s);
}

/* The server serves over all paths, and is the same for all callers; the others are told. */
static void start_machine(u32 id, const char *name, const char *program) {
  char command_line[4 * LINE_SIZE], *end = append(command_line, "name=");
  end = append(append(append(end, name), " init=/bin/"), program);
  if (id != SERVER) append(append(append(append(end, " "), path), " "), iterations);
  contexts[id].id = id;
  contexts[id].name = name;
  make_vm(&contexts[id], command_line);
}

static void start_system(const struct system *system) {
  int on_host = system->host_program && !is(path, "vmfunc");
  int has_stranger = *system->name;
  u32 count = 0;
  const char *const arguments[] = {system->host_program, path, iterations, 0};
  start_machine(SERVER, system->server.machine, system->server.program);
  if (has_stranger) start_machine(STRANGER, "stranger", "stranger");
  if (!on_host) start_machine(CLIENT, system->client.machine, system->client.program);
  for (u32 id = 0; id <= STRANGER; id++) {
    int takes_part = id == HOST_ID ? on_host : id == CLIENT ? !on_host : id == STRANGER && has_stranger;
    if (!takes_part) continue;
    share_window(id, &contexts[SERVER]);
    if (id != HOST_ID) share_window(id, &contexts[id]);
  }
  if (on_host) make_host_process(system->host_program, arguments);
  line[count++] = &contexts[SERVER];
  if (has_stranger) line[count++] = &contexts[STRANGER];
  line[count++] = on_host ? HOST : &contexts[CLIENT];
}

static const struct system *find_system(const char *name) {
  for (u32 n = 0; n < sizeof systems / sizeof *systems; n++) {
    if (is(name, systems[n].name)) return &systems[n];
  }
  panic("no such system", 0);
}

static u64 idt[2 * 256] __attribute__((aligned(16)));
static u8 tss[104] __attribute__((aligned(16)));

static void set_gate(u32 vector, const u8 *stub) {
  u64 at = (u64)stub;
  idt[2 * vector] = (at & 0xffff) | KERNEL_CS << 16 | 0x8e00ul << 32 | (at >> 16 & 0xffff) << 48;
  idt[2 * vector + 1] = at >> 32;
}

static void set_up_tables(void) {
  struct __attribute__((packed)) { u16 limit; u64 base; } pointer = {sizeof idt - 1, (u64)idt};
  u64 base = (u64)tss;
  for (u32 vector = 0; vector < 32; vector++) set_gate(vector, exception_stubs + 16 * vector);
  set_gate(0x40, wake_up);
  *(u64 *)(tss + 4) = (u64)stack_top; /* RSP0 */
  gdt_tss[0] = (sizeof tss - 1) | (base & 0xffffff) << 16 | 0x89ul << 40 | (base >> 24 & 0xff) << 56;
  gdt_tss[1] = base >> 32;
  __asm__ volatile("lidt %0" ::"m"(pointer));
  __asm__ volatile("ltr %w0" ::"r"(TSS_SELECTOR));
}

void hypervisor_exception(u64 vector, u64 error, u64 rip) {
  text("hypervisor: exception ");
  hex(vector);
  text(" error ");
  hex(error);
  panic("at", rip);
}

void hypervisor_main(const struct boot_info *info) {
  const struct boot_module *modules = (const void *)(u64)info->module_list;
  const char *command_line = (const char *)(u64)info->command_line;
  char name[LINE_SIZE], server[LINE_SIZE], client[LINE_SIZE];
  u32 *vmxon_region;
  set_up_tables();
  if (info->modules < 2) panic("modules wanted: the kernel and its initrd; there are", info->modules);
  kernel_image = (const u8 *)(u64)modules[0].start;
  initrd = (const u8 *)(u64)modules[1].start;
  initrd_size = modules[1].end - modules[1].start;
  vmxon_region = allocate_pages(1);
  *vmxon_region = rdmsr(IA32_VMX_BASIC);
  if (vmxon((u64)vmxon_region)) panic("VMXON fails", 0);
  enable_worlds();
  option(command_line, "system=", "proxos", name);
  option(command_line, "path=", "original", path);
  option(command_line, "iterations=", "100", iterations);
  option(command_line, "server=", "", server);
  option(command_line, "client=", "", client);
  if (*server) start_system(&(struct system){"", {"server", server}, {"client", client}, 0});
  else start_system(find_system(name));
  next_in_line();
  resume();
}
