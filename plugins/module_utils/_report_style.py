# Copyright (c) 2026 The otsec.opc_dcom contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
# Note that this module util is private to the collection and may change or vanish at any time.
"""The look of a report: one style sheet for light, dark, narrow screens and paper. Data only.

Everything is inside the file: no font, image or script is loaded. Colours never stand alone, a sign or a word goes with
each. Contrasts are at least 4.5 to 1 on both grounds (WCAG 2.2, 1.4.3).
"""

from __future__ import annotations

STYLE = """
:root{color-scheme:light dark;--ground:#f4f5f7;--paper:#fff;--ink:#18212d;--soft:#4d5a6b;--line:#d5dae2;--hair:#e8ebf0;
--accent:#17599c;--ok:#12703f;--bad:#b0221b;--unsure:#7d5200;--ok-bg:#e3f3ea;--bad-bg:#fbe7e5;--unsure-bg:#fbf0d9;
--code:#eef1f5;--mono:ui-monospace,"Cascadia Mono",Consolas,"DejaVu Sans Mono",monospace}
@media (prefers-color-scheme:dark){:root{--ground:#0f141a;--paper:#181f28;--ink:#e7ecf3;--soft:#a6b4c5;--line:#344152;
--hair:#263140;--accent:#86b9f7;--ok:#66d19a;--bad:#ff938a;--unsure:#f0bd5b;--ok-bg:#12301f;--bad-bg:#3b1b19;
--unsure-bg:#352a10;--code:#212b37}}
*{box-sizing:border-box}
html{scroll-behavior:smooth;scroll-padding-top:1rem}
body{margin:0;background:var(--ground);color:var(--ink);font:16px/1.5 system-ui,"Segoe UI",Roboto,"Helvetica Neue",
Arial,"DejaVu Sans",sans-serif;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
th,td,summary{overflow-wrap:break-word}
a{color:var(--accent)}
a:focus-visible,summary:focus-visible,input:focus-visible,[tabindex]:focus-visible{outline:3px solid var(--accent);
outline-offset:2px;border-radius:3px}
.skip{position:absolute;left:-999rem}
.skip:focus{left:1rem;top:1rem;background:var(--paper);padding:.5rem 1rem;z-index:1}
header,main,footer{max-width:74rem;margin:0 auto;padding:0 1.5rem}
header{padding-top:2.5rem}
.kind{margin:0;color:var(--soft);font-size:.8rem;font-weight:600;letter-spacing:.09em;text-transform:uppercase}
h1{font-size:2.1rem;line-height:1.15;margin:.2rem 0 .35rem;letter-spacing:-.015em}
h2{font-size:1.35rem;line-height:1.25;margin:0 0 .35rem;letter-spacing:-.01em}
h3{font-size:1.02rem;margin:1.4rem 0 .4rem}
p{margin:.35rem 0 .8rem;max-width:46rem}
.soft{color:var(--soft)}.small{font-size:.86rem;font-weight:400}
.verdict{display:flex;gap:.9rem;align-items:center;margin:1.4rem 0 1rem;padding:1rem 1.25rem;border-radius:10px;
border:1px solid;font-size:1.15rem;font-weight:600}
.verdict p{margin:0}
.verdict.ok{background:var(--ok-bg);border-color:var(--ok);color:var(--ok)}
.verdict.bad{background:var(--bad-bg);border-color:var(--bad);color:var(--bad)}
.verdict.unsure{background:var(--unsure-bg);border-color:var(--unsure);color:var(--unsure)}
.sign{font-weight:700;font-size:1.5rem;line-height:1}
nav ul{list-style:none;display:flex;flex-wrap:wrap;gap:.3rem 1.2rem;padding:0;margin:1.4rem 0 1.2rem;font-size:.94rem}
.shapes{position:absolute}
details.more{border:0;margin:0;font-size:.9rem}details.more>summary{padding:.15rem 0;color:var(--soft)}
section{background:var(--paper);border:1px solid var(--line);border-radius:10px;padding:1.5rem 1.6rem 1.6rem;
margin:0 0 1.4rem}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.9rem;margin:1rem 0 0;padding:0}
.tiles div{border:1px solid var(--line);border-radius:8px;padding:.8rem 1rem}
.tiles dt{color:var(--soft);font-size:.84rem}
.tiles dd{margin:0;font-size:1.75rem;font-weight:650;line-height:1.2}
.tiles dd span{font-size:.9rem;font-weight:400;color:var(--soft)}
.badge{display:inline-block;white-space:nowrap;font-size:.82rem;font-weight:650;border-radius:5px;padding:.06rem .5rem;
margin:0 .3rem .15rem 0}
.badge.ok{color:var(--ok);background:var(--ok-bg)}.badge.bad{color:var(--bad);background:var(--bad-bg)}
.badge.unsure{color:var(--unsure);background:var(--unsure-bg)}.badge.plain{color:var(--soft);background:var(--code)}
ol.problems{list-style:none;margin:1rem 0 0;padding:0}
ol.problems>li{display:grid;grid-template-columns:2.6rem 1fr;padding:1rem 0;border-top:1px solid var(--line)}
ol.problems .rank{font-size:1.3rem;font-weight:650;color:var(--soft)}
ol.problems h3{margin:0 0 .2rem;font-size:1.06rem}
.steps{display:grid;grid-template-columns:6.2rem 1fr;gap:.2rem .6rem;margin:.5rem 0 0;font-size:.94rem}
.steps dt{color:var(--soft)}.steps dd{margin:0}
pre,code{font-family:var(--mono);font-size:.84rem}
pre{margin:.15rem 0;padding:.45rem .7rem;background:var(--code);border-radius:6px;white-space:pre-wrap}
ul.plain{margin:.2rem 0;padding-left:1.1rem}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.91rem;margin:.6rem 0 0}
caption{text-align:left;color:var(--soft);font-size:.86rem;padding-bottom:.35rem}
th,td{text-align:left;vertical-align:top;padding:.42rem .8rem .42rem 0;border-bottom:1px solid var(--hair)}
thead th{color:var(--soft);font-weight:600;font-size:.82rem;border-bottom:1px solid var(--line);white-space:nowrap}
tbody th{font-weight:600}
td.lines{white-space:pre-line}
tr.changed td,tr.changed th{background:var(--unsure-bg)}
del{color:var(--soft)}
details{border-top:1px solid var(--line)}
details details{border:0;margin:.5rem 0 0}
summary{cursor:pointer;padding:.65rem 0;display:flex;flex-wrap:wrap;gap:.35rem .7rem;align-items:baseline}
summary::before{content:"\\25b8";color:var(--soft);width:.9rem}
details[open]>summary::before{content:"\\25be"}
summary>*{min-width:0;overflow-wrap:anywhere}summary strong{font-size:1.03rem}
.facts div>*,.steps dd,.verdict p{min-width:0}
details>.body{padding:0 0 1.1rem 1.6rem}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(24rem,100%),1fr));gap:.3rem 1.6rem;
margin:.2rem 0 .6rem}
.facts div{display:grid;grid-template-columns:8.5rem 1fr;gap:.6rem}.facts dt{color:var(--soft)}.facts dd{margin:0}
#only-fails:checked~.scroll tr[data-state]:not([data-state=fails]){display:none}
#only-unknown:checked~.scroll tr[data-state]:not([data-state=unknown]){display:none}
.pick{display:inline-flex;gap:.35rem;align-items:center;margin-right:1.1rem;font-size:.92rem}
figure{margin:1.1rem 0 0}
figcaption{font-weight:600;margin-bottom:.3rem}
svg{display:block;max-width:100%;height:auto}
svg.map{min-width:52rem;width:100%}
svg text{font:12px system-ui,"Segoe UI",Roboto,"Helvetica Neue",Arial,"DejaVu Sans",sans-serif;fill:var(--ink)}
svg .t-soft{fill:var(--soft);font-size:11px}.t-bold{font-weight:650;font-size:13px}
svg .t-ok{fill:var(--ok)}.t-bad{fill:var(--bad)}.t-unsure{fill:var(--unsure)}
.card{fill:var(--ground);stroke:var(--line)}
.wire{stroke-width:2;fill:none}.w-ok{stroke:var(--ok)}.w-bad{stroke:var(--bad)}.w-unsure{stroke:var(--unsure)}
.w-off{stroke:var(--line);stroke-dasharray:3 4}.w-bad,.w-unsure{stroke-dasharray:7 4}
.bracket{stroke:var(--line);fill:none}
.f-ok{fill:var(--ok)}.f-bad{fill:var(--bad)}.f-unsure{fill:var(--unsure)}.f-off{fill:var(--line)}.glyph{stroke:var(--paper);stroke-width:2;
fill:none}
.node{stroke:var(--paper);stroke-width:2}
.legend{display:flex;flex-wrap:wrap;gap:.3rem 1.3rem;padding:0;margin:.6rem 0 0;list-style:none;font-size:.88rem}
.legend li{display:flex;gap:.4rem;align-items:center}
footer{color:var(--soft);font-size:.86rem;padding-bottom:3rem}
@media (max-width:40rem){section{padding:1rem}ol.problems>li,.steps{grid-template-columns:1fr}}
@media print{:root{color-scheme:light;--ground:#fff;--paper:#fff;--ink:#000;--soft:#444;--line:#999;--hair:#ccc;
--accent:#000;--ok:#0b5c31;--bad:#a01711;--unsure:#6a4600;--ok-bg:#fff;--bad-bg:#fff;--unsure-bg:#fff;--code:#f3f3f3}
@page{size:A4;margin:14mm}
body{font-size:10pt}nav,.skip,.pick,.choices{display:none}section{border:0;padding:0;margin:0 0 8mm;break-before:auto}
header,main,footer{max-width:none;padding:0}h2{break-after:avoid}ol.problems>li,figure,tr,.tiles div{break-inside:avoid}
svg.map{min-width:0}details::details-content{content-visibility:visible;display:block}.scroll{overflow:visible}
.badge{border:1px solid}}
"""
