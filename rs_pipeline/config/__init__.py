"""The typed configuration: sections, all of them together, and how a file is read."""

from rs_pipeline.config.fields import QAFlagName, Section, Window, holds_day, time_zone
from rs_pipeline.config.product_sections import (
    BlackOdorousSection,
    CoastlineSection,
    EcologySection,
    HeatSection,
    LandSection,
    LandZonesSection,
    SettlementsSection,
    SoilSection,
    TrendSection,
    VegetationSection,
    WaterSection,
)
from rs_pipeline.config.sections import (
    SHIFTED,
    FetchSection,
    GridSection,
    IndicatorsSection,
    InputKey,
    InputSection,
    MaskSection,
    NamedPeriod,
    NotifySection,
    PeriodsSection,
    ReportSection,
    ResourcesSection,
    SearchSection,
    SimulationSection,
    SourceSection,
    TablesSection,
    UnitsSection,
)
from rs_pipeline.config.settings import RUNTIME_SECTIONS, Settings, coast_of, heat_of, load, parse

__all__ = [
    "RUNTIME_SECTIONS", "SHIFTED", "BlackOdorousSection", "CoastlineSection", "EcologySection", "FetchSection", "GridSection", "HeatSection", "IndicatorsSection", "InputKey", "InputSection", "LandSection", "LandZonesSection", "MaskSection",
    "NamedPeriod", "NotifySection", "PeriodsSection", "QAFlagName", "ReportSection", "ResourcesSection", "SearchSection", "Section", "Settings", "SettlementsSection", "SimulationSection", "SoilSection",
    "SourceSection", "TablesSection", "TrendSection", "UnitsSection", "VegetationSection", "WaterSection", "Window", "coast_of", "heat_of", "holds_day", "load", "parse", "time_zone",
]  # fmt: skip
