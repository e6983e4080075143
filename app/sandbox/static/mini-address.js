// Where a mini-program path leads in the simulated one: pages/lesson/lesson?id=12, pages/rank …

export function miniAddress(userId, path) {
  const [page, query] = path.split("?");
  const facts = new URLSearchParams(query);
  const id = facts.get("id") ?? facts.get("lesson_id");
  const start = `#/u/${userId}/mini`;
  if (/lesson/.test(page) && id) return `${start}/lesson/${encodeURIComponent(id)}`;
  if (/rank/.test(page)) return `${start}/rank`;
  if (/credit|statement|bank/.test(page)) return `${start}/credit`;
  if (/lesson|learn|course/.test(page)) return `${start}/learn`;
  if (/\b(me|mine|my)\b/.test(page)) return `${start}/me`;
  return start;
}
