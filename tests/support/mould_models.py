"""Materials, models and states of the mould index, for examples and for hypothesis."""

from hypothesis import strategies as st

from mould_watch.domain.critical_humidity import MaterialClass
from mould_watch.domain.mould.index import MouldState
from mould_watch.domain.mould.model import Decline, MouldModel

VS, S, MR, R = MaterialClass
MODELS = {
    material: MouldModel(material, decline)
    for material, decline in zip(
        MaterialClass, (Decline.SIGNIFICANT, *[Decline.RELATIVELY_LOW] * 3), strict=True
    )
}
materials = st.sampled_from(MaterialClass)
models = st.builds(MouldModel, materials, st.sampled_from(Decline))
temperatures = st.floats(-20, 60)
humidities = st.floats(0, 100)
durations = st.floats(0, 5000)
states = st.builds(
    lambda index, dry_hours, more: MouldState(index, dry_hours, min(6.0, index + more)),
    st.floats(0, 6),
    st.floats(0, 100),
    st.floats(0, 1),
)
