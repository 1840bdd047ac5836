/** The words made-up names of containers consist of: a mood, and somebody who found something out. */

export const ADJECTIVES: readonly string[] = `
  able amber ample apt avid balmy blithe bold brave breezy bright brisk busy calm candid careful
  cheerful civil clear clever cordial cosy crisp curious dapper daring deft deep dreamy eager early
  earnest easy elegant epic exact fair famous fearless fine firm fluent fond frank free fresh gallant
  generous gentle gifted glad golden graceful grand great handy happy hardy hearty honest hopeful
  humble ideal jolly jovial joyful keen kind lively loyal lucid lucky mellow merry mighty mild modest
  neat nifty nimble noble open patient peaceful pensive placid plucky polite prime proud prudent
  quick quiet radiant rapid ready serene sharp silent sincere sleek smart smooth snug sober steady
  stoic sturdy subtle sunny super sure sweet swift tender tidy tranquil trusty upbeat valiant vivid
  warm wise witty worthy zealous zesty
`
  .trim()
  .split(/\s+/);

export const SURNAMES: readonly string[] = `
  abel agnesi almeida ampere archimedes avogadro babbage banach bardeen bell berners bernoulli bohr
  boole born bose braun brito bunsen cantor cardano carson cauchy cavendish chagas chandra cohen copernicus
  cori coulomb cruz curie dalton darwin davy descartes dijkstra dirac doppler dumont easley edison
  einstein elion erdos euclid euler faraday fermat fermi feynman fibonacci fisher fleming fourier
  franklin fresnel galileo galois galvani gauss germain gibbs godel goeldi goodall gusmao haber halley
  hamilton hawking heisenberg helmholtz hertz herschel hilbert hodgkin hooke hopper hubble humboldt
  huygens hypatia jackson jenner johnson joliot joule kepler khorana kirch klein kolmogorov kovalevskaya
  lagrange lamarr laplace lattes lavoisier leavitt leibniz leite linnaeus lovelace lutz malpighi
  margulis maxwell mayer mccarthy mclean meitner mendel mendeleev mirzakhani moore morse napier nash
  newton noether oliveira ohm pascal pasteur pauling pavlov payne planck poincare ptolemy raman ramanujan
  ride riemann ritchie rontgen rubin russell rutherford sagan salk sanger schwarz shannon shockley
  silveira sinoussi snyder stokes swartz swirles tesla tharp thompson torvalds turing varahamihira
  vaughan villani volta wallace watt wescoff wiles wilson wing wozniak wright wu yalow yonath zuse
`
  .trim()
  .split(/\s+/);
