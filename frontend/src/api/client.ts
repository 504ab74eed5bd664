/**
 * The one door to the server. Paths are written as docs/api.md writes them: `api.get<Clip>("/api/clips/3")`.
 */

/** The server refused, or could not be reached (status 0, code `offline`). */
export class ApiError extends Error {
  override readonly name = "ApiError";
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly detail: Record<string, unknown> = {},
  ) {
    super(message);
  }
}

type Query = Record<string, string | number | boolean | null | undefined>;

export interface RequestOptions {
  /** Query values; null, undefined and "" are left out. */
  query?: Query;
  headers?: Record<string, string>;
  signal?: AbortSignal;
}

type SignedOutListener = () => void;
const signedOutListeners = new Set<SignedOutListener>();

/** Calls `listener` whenever the server says nobody is signed in. Returns the way to stop. */
export function onSignedOut(listener: SignedOutListener): () => void {
  signedOutListeners.add(listener);
  return () => signedOutListeners.delete(listener);
}

/** The token Django wants back with every unsafe request; it changes at each sign-in, so read it each time. */
export function csrfToken(cookies: string = document.cookie): string {
  const found = cookies.split("; ").find((pair) => pair.startsWith("csrftoken="));
  return found ? decodeURIComponent(found.slice("csrftoken=".length)) : "";
}

/** Adds query values to a path; keeps those it already has. */
export function withQuery(path: string, query: Query = {}): string {
  const values = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== null && value !== undefined && value !== "") values.set(name, String(value));
  }
  const text = values.toString();
  if (!text) return path;
  return path + (path.includes("?") ? "&" : "?") + text;
}

/** Reads the error shape of docs/api.md out of a body, or makes one sentence where the body is not ours. */
export function errorFrom(status: number, body: string): ApiError {
  try {
    const { error } = JSON.parse(body) as {
      error?: { code?: string; message?: string; detail?: Record<string, unknown> };
    };
    if (error?.code && error.message) return new ApiError(status, error.code, error.message, error.detail);
  } catch {
    // Not JSON: a proxy's page, most often. The sentence below says so.
  }
  return new ApiError(
    status,
    status >= 500 ? "server_error" : "refused",
    status >= 500
      ? `The server had a problem (${status}). What was saved is safe; try again.`
      : `The server refused this (${status}).`,
  );
}

/** Sends one request and returns the answer, or throws ApiError. Use it where headers of the answer matter. */
export async function send(
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE" | "HEAD",
  path: string,
  body?: BodyInit | null,
  { query, headers = {}, signal }: RequestOptions = {},
): Promise<Response> {
  const all: Record<string, string> = { Accept: "application/json, */*;q=0.5", ...headers };
  if (method !== "GET" && method !== "HEAD") all["X-CSRFToken"] = csrfToken();
  let answer: Response;
  try {
    answer = await fetch(withQuery(path, query), {
      method,
      headers: all,
      credentials: "same-origin",
      ...(body === undefined ? {} : { body }),
      ...(signal ? { signal } : {}),
    });
  } catch (problem) {
    if (signal?.aborted) throw problem;
    throw new ApiError(
      0,
      "offline",
      "The server cannot be reached. Nothing was lost; try again in a moment.",
    );
  }
  if (answer.ok) return answer;
  const error = errorFrom(answer.status, await answer.text());
  // A wrong password is a 401 too, but then nobody was signed in before.
  if (answer.status === 401 && !path.startsWith("/api/auth/")) {
    for (const listener of signedOutListeners) listener();
  }
  throw error;
}

async function json<T>(answer: Response): Promise<T> {
  // 204 has no body; callers of such routes ask for `void`.
  if (answer.status === 204) return undefined as T;
  return (await answer.json()) as T;
}

function asJson(body: unknown): [BodyInit | undefined, Record<string, string>] {
  if (body === undefined) return [undefined, {}];
  if (body instanceof FormData || body instanceof Blob) return [body, {}];
  return [JSON.stringify(body), { "Content-Type": "application/json" }];
}

async function write<T>(
  method: "POST" | "PUT" | "PATCH" | "DELETE",
  path: string,
  body: unknown,
  options: RequestOptions = {},
): Promise<T> {
  const [payload, type] = asJson(body);
  return json<T>(await send(method, path, payload, { ...options, headers: { ...type, ...options.headers } }));
}

export const api = {
  get: async <T>(path: string, options?: RequestOptions) =>
    json<T>(await send("GET", path, undefined, options)),
  post: <T>(path: string, body?: unknown, options?: RequestOptions) => write<T>("POST", path, body, options),
  put: <T>(path: string, body?: unknown, options?: RequestOptions) => write<T>("PUT", path, body, options),
  patch: <T>(path: string, body?: unknown, options?: RequestOptions) =>
    write<T>("PATCH", path, body, options),
  delete: <T = void>(path: string, options?: RequestOptions) => write<T>("DELETE", path, undefined, options),
  /** Raw bytes: pictures, masks, slices of a pack. */
  bytes: async (path: string, options?: RequestOptions) =>
    new Uint8Array(await (await send("GET", path, undefined, options)).arrayBuffer()),
};
