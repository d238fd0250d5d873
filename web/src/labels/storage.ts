/** One gesture that the server has not confirmed. */
export interface Entry {
  requestId: string;
  /** Gestures are sent in this order. */
  order: number;
  /** Which workspace it belongs to: another one may be served from this address tomorrow. */
  workspace: string;
  path: `/api/${"labels" | "classes" | "classes/change" | "accept" | "reject" | "undo" | "redo" | "revert"}`;
  body: object;
  /** What it does, for the optimistic picture: the items and the class they get (null: none). */
  ids: Uint32Array;
  className: string | null;
  /** The number of that class, where it was there when the gesture was made. */
  known?: number | undefined;
  /** What the items are given that is no class. */
  answer?: "none" | "skip";
}

/** Where gestures wait; `put` resolves when the entry would survive a reload. */
export interface Storage {
  all(): Promise<Entry[]>;
  put(entry: Entry): Promise<void>;
  remove(requestId: string): Promise<void>;
}

const STORE = "gestures";

/** IndexedDB, or localStorage where the browser refuses it (private windows of some). */
export async function openStorage(): Promise<Storage> {
  try {
    return indexed(await openDatabase());
  } catch {
    return local();
  }
}

function openDatabase(): Promise<IDBDatabase> {
  return new Promise((resolve, reject) => {
    const opening = indexedDB.open("shoal-outbox", 1);
    opening.onupgradeneeded = () => opening.result.createObjectStore(STORE, { keyPath: "requestId" });
    opening.onsuccess = () => resolve(opening.result);
    opening.onerror = () => reject(opening.error ?? new Error("IndexedDB does not open"));
    opening.onblocked = () => reject(new Error("IndexedDB is blocked by another tab"));
  });
}

function indexed(database: IDBDatabase): Storage {
  const within = <T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> =>
    new Promise((resolve, reject) => {
      const transaction = database.transaction(STORE, mode, { durability: "strict" });
      const request = work(transaction.objectStore(STORE));
      transaction.oncomplete = () => resolve(request.result);
      transaction.onabort = () => reject(transaction.error ?? new Error("IndexedDB aborted"));
    });
  return {
    all: async () => inOrder((await within<Entry[]>("readonly", (store) => store.getAll())).map(revived)),
    put: async (entry) => void (await within("readwrite", (store) => store.put(entry))),
    remove: async (requestId) => within("readwrite", (store) => store.delete(requestId)),
  };
}

function local(): Storage {
  const prefix = "shoal-outbox/";
  return {
    all: async () => {
      const keys = Object.keys(localStorage).filter((key) => key.startsWith(prefix));
      return inOrder(keys.flatMap((key) => parsed(localStorage.getItem(key))));
    },
    put: async (entry) => localStorage.setItem(prefix + entry.requestId, JSON.stringify({ ...entry, ids: [...entry.ids] })),
    remove: async (requestId) => localStorage.removeItem(prefix + requestId),
  };
}

function parsed(text: string | null): Entry[] {
  try {
    return text ? [revived(JSON.parse(text) as Entry)] : [];
  } catch {
    return []; // not written by this page: one bad line must not hide the others
  }
}

/** An entry as it was stored by any version of the page: earlier ones kept ids as plain numbers. */
function revived(entry: Entry): Entry {
  return Array.isArray(entry?.ids) ? { ...entry, ids: Uint32Array.from(entry.ids) } : entry;
}

/** Sort gestures into the order they are sent in. */
export function inOrder(entries: Entry[]): Entry[] {
  return entries.sort((a, b) => a.order - b.order);
}

/** A new request id. Not crypto.randomUUID: that exists on https and localhost only. */
export function requestId(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
}
