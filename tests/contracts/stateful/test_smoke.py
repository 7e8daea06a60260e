from tests.contracts.stateful.world import World
from tests.contracts.stateful.core import person
import time
def test_smoke(world: World) -> None:
    t=time.time()
    w=world
    d=w.state.datasets[1]
    r=w.open_round(w.operator.address, d, 10, 10, 5000)
    assert r
    items=[w.item(r, person(f"contributor {i}"), 2) for i in range(5)]
    print(w.submit(w.operator.address, items))
    w.close_round(w.name("stranger"), r)
    w.node.pass_time(1,3)
    w.draw_panel(w.name("stranger"), r)
    for v in r.panel.members: w.commit(v, r, v) if False else w.commit(r, v)
    for v in r.panel.members: w.reveal(w.name("stranger"), r, v)
    w.conclude(w.name("stranger"), r)
    w.check_all()
    w.propose(w.operator.address, r, w.right(r), 2)
    w.publish(r); w.publish(r)
    w.until(w.proposal(r).challenge_ends)
    w.finalize(w.name("stranger"), r)
    w.buy(w.name("buyer 0"), d)
    w.distribute(w.name("stranger"), r, 1)
    w.distribute(w.name("stranger"), r, 0)
    w.check_all()
    w.everyone_leaves(w.name("stranger"))
    w.check_all()
    print(time.time()-t, w.gas)
