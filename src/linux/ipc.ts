/** System V IPC: what shared memory, semaphores and message queues are. sysvipc(7). */
import { Errno, fail } from "./abi/errno.ts";
import type { Backing } from "./memory/backing.ts";
import type { Task, ThreadGroup } from "./task.ts";

/** Who owns an object, and who may use it: `struct ipc_perm`. */
export interface IpcPermissions {
  readonly key: number;
  uid: number;
  gid: number;
  readonly creator: { readonly uid: number; readonly gid: number };
  mode: number;
}

/** What all three have. */
export interface IpcObject {
  readonly id: number;
  readonly permissions: IpcPermissions;
  removed: boolean;
  changed: number;
}

/** Memory that programs attach. */
export interface Segment extends IpcObject {
  readonly size: number;
  readonly backing: Backing;
  readonly creatorPid: number;
  lastPid: number;
  attached: number;
  detached: number;
}

/** A set of semaphores. */
export interface SemaphoreSet extends IpcObject {
  readonly values: Int32Array;
  readonly pids: Int32Array;
  /** Who waits for one to grow, and for one to be 0. */
  readonly growWaiters: Int32Array;
  readonly zeroWaiters: Int32Array;
  operated: number;
  /** What is taken back at the ends of processes: SEM_UNDO. */
  readonly undo: Map<ThreadGroup, Int32Array>;
}

/** A message. */
export interface Message {
  readonly type: number;
  readonly bytes: Uint8Array;
}

/** A queue of messages. */
export interface MessageQueue extends IpcObject {
  readonly messages: Message[];
  bytes: number;
  maxBytes: number;
  sent: number;
  received: number;
  lastSender: number;
  lastReceiver: number;
}

const IPC_CREAT = 0o1000, IPC_EXCL = 0o2000, IPC_PRIVATE = 0;

/** Objects of one kind. */
export class IpcTable<T extends IpcObject> {
  readonly #objects = new Map<number, T>();
  #nextId = 0;

  /** Whether an object that was removed is still to be found by its id. */
  constructor(readonly lingers: (object: T) => boolean = () => false) {}

  /** Finds or makes an object by key, as shmget(2) and its likes do. */
  get(
    task: Task,
    key: number,
    flags: number,
    fits: (object: T) => void,
    make: (base: IpcObject) => T,
  ): number {
    const found = key === IPC_PRIVATE
      ? undefined
      : [...this.#objects.values()].find((object) => object.permissions.key === key && !object.removed);
    if (found !== undefined) {
      if ((flags & (IPC_CREAT | IPC_EXCL)) === (IPC_CREAT | IPC_EXCL)) fail(Errno.EEXIST);
      fits(found);
      checkAccess(task, found, flags & 0o777);
      return found.id;
    }
    if (key !== IPC_PRIVATE && (flags & IPC_CREAT) === 0) fail(Errno.ENOENT);
    const { euid: uid, egid: gid } = task.group.credentials;
    const object = make({
      id: this.#nextId++,
      permissions: { key, uid, gid, creator: { uid, gid }, mode: flags & 0o777 },
      removed: false,
      changed: task.system.clock.realtime().seconds,
    });
    this.#objects.set(object.id, object);
    return object.id;
  }

  /** The object of an id. Fails with EINVAL. */
  find(id: number): T {
    const object = this.#objects.get(id);
    if (object?.removed === true && !this.lingers(object)) this.#objects.delete(id);
    return this.#objects.get(id) ?? fail(Errno.EINVAL);
  }

  /** Removes an object. */
  remove(object: T): void {
    object.removed = true;
    if (!this.lingers(object)) this.#objects.delete(object.id);
  }

  all(): IterableIterator<T> {
    return this.#objects.values();
  }
}

/** Fails with EACCES unless the task may do this: the bits of a mode, at any place. */
export function checkAccess({ group }: Task, { permissions }: IpcObject, wanted: number): void {
  const { euid, egid, groups } = group.credentials;
  if (euid === 0) return;
  const { uid, gid, creator, mode } = permissions;
  const isGroup = [gid, creator.gid].some((id) => id === egid || groups.includes(id));
  const shift = euid === uid || euid === creator.uid ? 6 : isGroup ? 3 : 0;
  const needed = (wanted >>> 6 | wanted >>> 3 | wanted) & 7;
  if ((needed & ~(mode >>> shift)) !== 0) fail(Errno.EACCES);
}

/** Fails with EPERM unless the task owns the object. */
export function checkOwner({ group }: Task, { permissions }: IpcObject): void {
  const { euid } = group.credentials;
  if (euid !== 0 && euid !== permissions.uid && euid !== permissions.creator.uid) fail(Errno.EPERM);
}

/** All objects of a system. */
export class Ipc {
  readonly segments: IpcTable<Segment> = new IpcTable(({ backing }) => backing.mappings > 0);
  readonly semaphores: IpcTable<SemaphoreSet> = new IpcTable();
  readonly queues: IpcTable<MessageQueue> = new IpcTable();

  /** A process ends: its semaphore operations that were to be undone are. */
  groupEnded(group: ThreadGroup): void {
    for (const { undo, values, pids } of this.semaphores.all()) {
      const adjustments = undo.get(group);
      if (adjustments === undefined) continue;
      undo.delete(group);
      adjustments.forEach((adjustment, i) => {
        if (adjustment === 0) return;
        values[i] = Math.max(0, Math.min(32767, values[i]! + adjustment));
        pids[i] = group.pid;
      });
    }
  }
}
