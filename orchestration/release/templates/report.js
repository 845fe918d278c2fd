// Shows one measure at a time, and of it one site, period and grouping. Without it the page stands whole; paper always
// has all of it.
(() => {
  const main = document.getElementById('main');
  const bar = document.getElementById('switches');
  const [measure, grouping, site, period] = bar.querySelectorAll('select');
  const cards = [...main.querySelectorAll('article[data-measure]')];
  const rows = [...main.querySelectorAll('[data-by]')];
  const places = [...main.querySelectorAll('[data-each-site] [data-site]')];
  const signs = document.getElementById('signs');
  const prefix = '#measure-';
  const everywhere = 'all';

  // Labels come from data: they are only ever set as text.
  for (const name of new Set(rows.map(row => row.dataset.by))) grouping.add(new Option(name, name));
  const sites = new Map(places.map(place => [place.dataset.site, place.dataset.label]));
  for (const [key, label] of sites) site.add(new Option(label, key));
  const heads = [...main.querySelectorAll('[data-each-site] th[data-period]')];
  const periods = new Map(heads.map(head => [head.dataset.period, head.textContent]));
  for (const [key, label] of [...periods].sort()) period.add(new Option(label, key));

  const away = (node, is) => node.classList.toggle('away', is);

  // Only what the site has can be chosen; a period that it does not have is every period.
  function offer() {
    const has = new Set(heads.filter(head => head.closest('[data-site]').dataset.site === site.value)
      .map(head => head.dataset.period));
    for (const option of period.options) option.disabled = option.value !== '' && !has.has(option.value);
    if (period.selectedOptions[0]?.disabled) period.value = '';
  }

  function showPlaces(isOne) {
    for (const place of places) {
      away(place, isOne && place.dataset.site !== site.value);
      const keys = [...place.querySelectorAll('th[data-period]')].map(head => head.dataset.period);
      for (const row of place.querySelector('table').rows) {
        if (row.cells.length !== keys.length + 1) continue; // a grouping's name goes over all of them
        keys.forEach((key, at) => away(row.cells[at + 1], isOne && period.value !== '' && key !== period.value));
      }
    }
  }

  function isChosen(card, id) {
    const { measure, site: at, period: when } = card.dataset;
    if (measure !== id) return false;
    return (!at || site.value === everywhere || at === site.value) && (!when || !period.value || when === period.value);
  }

  function show(isMove) {
    let wanted = '';
    try { wanted = decodeURIComponent(location.hash); } catch { /* not a name of anything here */ }
    const id = wanted.startsWith(prefix) ? wanted.slice(prefix.length) : '';
    const target = id && document.getElementById(prefix.slice(1) + id);
    const isOne = Boolean(target);
    for (const select of [site, period]) select.closest('label').hidden = !isOne || select.options.length < 2;
    if (!isOne) { site.value = sites.has(everywhere) ? everywhere : site.value; period.value = ''; }
    offer();
    showPlaces(isOne);
    for (const card of cards) away(card, isOne && !isChosen(card, id));
    let title = null;
    for (const node of main.children) {
      if (node.tagName === 'H2') title = node;
      const isMine = cards.some(card => node.contains(card) && isChosen(card, id));
      away(node, isOne && node !== bar && node !== signs && !isMine);
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
  for (const select of [site, period]) select.addEventListener('change', () => show(false));
  addEventListener('hashchange', () => show(true));
  bar.hidden = false;
  show(location.hash.length > 1);
})();
