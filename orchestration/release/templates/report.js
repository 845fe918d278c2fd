// Shows one measure at a time and one grouping at a time. Without it the page stands whole; paper always has all of it.
(() => {
  const main = document.getElementById('main');
  const bar = document.getElementById('switches');
  const [measure, grouping] = bar.querySelectorAll('select');
  const cards = [...main.querySelectorAll('article[data-measure]')];
  const rows = [...main.querySelectorAll('tr[data-by]')];
  const prefix = '#measure-';

  // Labels come from data: they are only ever set as text.
  for (const name of new Set(rows.map(row => row.dataset.by))) grouping.add(new Option(name, name));

  const away = (node, is) => node.classList.toggle('away', is);

  function show(isMove) {
    let wanted = '';
    try { wanted = decodeURIComponent(location.hash); } catch { /* not a name of anything here */ }
    const id = wanted.startsWith(prefix) ? wanted.slice(prefix.length) : '';
    const target = id && document.getElementById(prefix.slice(1) + id);
    const isOne = Boolean(target);
    for (const card of cards) away(card, isOne && card.dataset.measure !== id);
    let title = null;
    for (const node of main.children) {
      if (node.tagName === 'H2') title = node;
      const isMine = cards.some(card => card.dataset.measure === id && node.contains(card));
      away(node, isOne && node !== bar && !isMine);
      if (isOne && isMine && title) away(title, false);
    }
    for (const fold of main.querySelectorAll('article[data-measure] > details:not(.note)')) fold.open = isOne;
    measure.value = isOne ? id : '';
    if (!isMove) return;
    const goal = isOne ? bar : wanted.length > 1 && document.getElementById(wanted.slice(1));
    if (goal) goal.scrollIntoView();
    if (isOne && document.activeElement !== measure) target.focus({ preventScroll: true });
  }

  measure.addEventListener('change', () => { location.hash = measure.value ? prefix + measure.value : '#measures'; });
  grouping.addEventListener('change', () => {
    for (const row of rows) away(row, grouping.value !== '' && row.dataset.by !== grouping.value);
  });
  addEventListener('hashchange', () => show(true));
  bar.hidden = false;
  show(location.hash.length > 1);
})();
