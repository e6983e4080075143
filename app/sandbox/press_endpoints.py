"""The platform's calls about materials, drafts, publishing, mass sends and notices.

Daily numbers: 接口调用频次 in the platform's console [R]; 60 mass sends a minute:
WD:doc/subscription/guide/product/message/Batch_Sends.md.
"""

from app.sandbox import drafts, mass, materials, notices, publications
from app.sandbox.calls import Endpoint, Handler


def _post(handler: Handler, per_day: int | None = None) -> Endpoint:
    return Endpoint(handler, "POST", per_day=per_day)


def _upload(handler: Handler, per_day: int) -> Endpoint:
    return Endpoint(handler, "POST", per_day=per_day, form=True)


PRESS_ENDPOINTS: dict[str, Endpoint] = {
    "/cgi-bin/media/uploadimg": _upload(materials.upload_body_image, 100_000),
    "/cgi-bin/media/upload": _upload(materials.upload_media, 100_000),
    "/cgi-bin/material/add_material": _upload(materials.add_material, 1000),
    "/cgi-bin/material/get_materialcount": Endpoint(materials.count_materials, per_day=5000),
    "/cgi-bin/draft/add": _post(drafts.add_draft, 1000),
    "/cgi-bin/draft/update": _post(drafts.change_draft, 1000),
    "/cgi-bin/draft/get": _post(drafts.get_draft, 500),
    "/cgi-bin/draft/batchget": _post(drafts.list_drafts, 1000),
    "/cgi-bin/draft/count": Endpoint(drafts.count_drafts, per_day=1000),
    "/cgi-bin/draft/delete": _post(drafts.delete_draft, 1000),
    "/cgi-bin/freepublish/submit": _post(publications.submit, 100),
    "/cgi-bin/freepublish/get": _post(publications.get_publication, 100),
    "/cgi-bin/freepublish/batchget": _post(publications.list_publications, 100),
    "/cgi-bin/freepublish/getarticle": _post(publications.get_article, 100),
    "/cgi-bin/freepublish/delete": _post(publications.delete_article, 10),
    "/cgi-bin/message/mass/sendall": Endpoint(mass.send_to_all, "POST", per_minute=60, per_day=100),
    "/cgi-bin/message/mass/preview": _post(mass.preview, 100),
    "/cgi-bin/message/mass/get": _post(mass.get_mass),
    "/cgi-bin/message/mass/delete": _post(mass.delete_mass, 10),
    "/cgi-bin/message/subscribe/send": _post(notices.send_notice, 10_000_000),
}
