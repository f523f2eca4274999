// What the browser remembers. It may refuse to (private windows): then nothing is remembered.

export function load(key) {
  try {
    return localStorage.getItem(key);
  } catch {
    return null;
  }
}

export function save(key, value) {
  try {
    localStorage.setItem(key, value);
  } catch {
    // Nothing depends on it.
  }
}

export function forget(keys) {
  try {
    keys.forEach((key) => localStorage.removeItem(key));
  } catch {
    // Nothing was remembered.
  }
}
